package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"filippo.io/age"
	"github.com/rogpeppe/go-internal/testscript"

	"jpsync/internal/storetest"
	"jpsync/state/s3"
)

// storeVariables are the environment of a user of the stores. None of it comes from the
// machine that the tests run on.
var storeVariables = map[string]string{
	"AWS_ACCESS_KEY_ID": storetest.AccessKey, "AWS_SECRET_ACCESS_KEY": storetest.SecretKey, "AWS_EC2_METADATA_DISABLED": "true",
	"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
}

// cmdBucket starts a bucket, and names two places in it: $BUCKET and $OTHER.
func cmdBucket(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	usage(ts, args, 0, "bucket")
	endpoint := storetest.FakeS3(of(ts).t)
	for name, value := range storeVariables {
		ts.Setenv(name, value)
	}
	ts.Setenv("BUCKET", storetest.S3Location(endpoint, "retail"))
	ts.Setenv("OTHER", storetest.S3Location(endpoint, "other"))
}

// cmdDatabase starts PostgreSQL and names a state in it: $DATABASE. The story is skipped where
// PostgreSQL is not installed.
func cmdDatabase(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	usage(ts, args, 0, "database")
	ts.Setenv("DATABASE", storetest.Postgres(of(ts).t))
}

// cmdObjects writes everything that is below $BUCKET into a file.
func cmdObjects(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	usage(ts, args, 1, "objects FILE")
	for name, value := range storeVariables {
		ts.Check(os.Setenv(name, value)) // the stories' processes have their own
	}
	location, err := s3.Parse(ts.Getenv("BUCKET"), func(string) string { return "" })
	ts.Check(err)
	place := s3.New(location)
	var all bytes.Buffer
	for _, prefix := range []string{"log/", "state/"} {
		entries, _, err := place.List(context.Background(), prefix, "")
		ts.Check(err)
		for _, e := range entries {
			body, err := place.Read(context.Background(), e.Name)
			ts.Check(err)
			fmt.Fprintf(&all, "%s %s\n", e.Name, body)
		}
	}
	write(ts, args[0], all.Bytes())
}

// cmdIdentity makes an identity of age, and sets a variable to its public key.
func cmdIdentity(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	usage(ts, args, 2, "identity FILE VARIABLE")
	key, err := age.GenerateX25519Identity()
	ts.Check(err)
	write(ts, args[0], []byte(key.String()+"\n"))
	ts.Setenv(args[1], key.Recipient().String())
}
