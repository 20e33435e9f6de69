package state

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"runtime"
	"slices"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"
	"golang.org/x/sync/errgroup"
)

// Recipients are who can read master secrets at rest. Each secret is an age file of its own
// (https://age-encryption.org/v1), armoured, in the place of the secret: so everything but
// the secrets can be read without a key, and an apply can write what it cannot read.
//
// The zero value has no recipients, and secrets stay as they are.
type Recipients struct{ keys []age.Recipient }

// ParseRecipients reads public keys, such as age1…, and encrypts something for all of them: a
// post-quantum key and one of another kind cannot be mixed, and that has to be known before
// anything is sent. Errors tell a key by its number: it may be the secret one by mistake.
func ParseRecipients(keys []string) (Recipients, error) {
	var r Recipients
	for i, text := range keys {
		parsed, err := age.ParseRecipients(strings.NewReader(text))
		if err != nil || len(parsed) != 1 {
			if strings.Contains(strings.ToUpper(text), "AGE-SECRET-KEY-") {
				return Recipients{}, fmt.Errorf("state recipient %d is a secret key: give its public key, which begins with age1, and keep the other to yourself", i+1)
			}
			return Recipients{}, fmt.Errorf("state recipient %d is invalid: it takes the public key of an age identity, which begins with age1", i+1)
		}
		r.keys = append(r.keys, parsed...)
	}
	if _, err := r.Encrypt("probe"); err != nil {
		return Recipients{}, fmt.Errorf("the state's recipients do not go together: %w", err)
	}
	return r, nil
}

// Any reports whether there are recipients.
func (r Recipients) Any() bool { return len(r.keys) > 0 }

// Encrypt returns the secret for the recipients. An empty one and an encrypted one are returned as
// they are.
func (r Recipients) Encrypt(secret string) (string, error) {
	if !r.Any() || !inClear(secret) {
		return secret, nil
	}
	var text bytes.Buffer
	armored := armor.NewWriter(&text)
	w, err := age.Encrypt(armored, r.keys...)
	if err == nil {
		_, err = io.WriteString(w, secret)
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = armored.Close()
	}
	if err != nil {
		return "", fmt.Errorf("encrypt a master secret: %w", err)
	}
	return text.String(), nil
}

// Encrypted reports whether a recorded master secret is an age file.
func Encrypted(secret string) bool { return strings.HasPrefix(secret, armor.Header) }

func inClear(secret string) bool { return secret != "" && !Encrypted(secret) }

// Identities open what is encrypted for them.
type Identities struct{ keys []age.Identity }

// ParseIdentities reads an age identity file: lines of AGE-SECRET-KEY-1…, and comments.
func ParseIdentities(file io.Reader) (Identities, error) {
	keys, err := age.ParseIdentities(file)
	if err != nil {
		return Identities{}, errors.New("it is no age identity file: it has a line that begins with AGE-SECRET-KEY-1")
	}
	return Identities{keys: keys}, nil
}

// Decrypt returns a recorded master secret in clear. One that was never encrypted stays as
// it is.
func (i Identities) Decrypt(secret string) (string, error) {
	if !Encrypted(secret) {
		return secret, nil
	}
	r, err := age.Decrypt(armor.NewReader(strings.NewReader(secret)), i.keys...)
	if _, other := errors.AsType[*age.NoIdentityMatchError](err); other {
		return "", errors.New("it is encrypted for other recipients than this identity")
	}
	var plain []byte
	if err == nil {
		plain, err = io.ReadAll(r)
	}
	if err != nil {
		return "", fmt.Errorf("it cannot be decrypted: %w", err)
	}
	return string(plain), nil
}

// encryptRecord encrypts the secret of a record in place: [Record.Checked] has copied it. After an
// error it is as it was.
func (r Recipients) encryptRecord(rec Record) error {
	if rec.Result == nil || rec.Result.App == nil {
		return nil
	}
	secret, err := r.Encrypt(rec.Result.App.MasterSecret)
	if err == nil {
		rec.Result.App.MasterSecret = secret
	}
	return err
}

// encryptState returns st when it has no secret in clear, or may have them. Otherwise it returns a
// copy, in which all are encrypted.
func (r Recipients) encryptState(st *State) (*State, error) {
	if !r.Any() || !st.inClear() {
		return st, nil
	}
	encrypted := st.Clone()
	return encrypted, RewriteSecrets(encrypted.Apps, r.Encrypt)
}

// inClear reports whether an app's secret is in clear.
func (s *State) inClear() bool {
	for _, app := range s.Apps {
		if inClear(app.MasterSecret) {
			return true
		}
	}
	return false
}

// BackupInClear reports whether the backup has a secret in clear.
func (f *File) BackupInClear() (bool, error) {
	path, err := resolve(f.fs, f.path)
	if err != nil {
		return false, err
	}
	data, err := f.backup(path)
	return textInClear(data), err
}

// backup reads the backup of the state at path, nil if there is none.
func (f *File) backup(path string) ([]byte, error) {
	data, err := readFile(f.fs, path+BackupSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// textInClear reports whether the text of states and records has a secret in clear. It searches the
// text, since nothing else of it is needed and it may be large.
func textInClear(text []byte) bool {
	for _, secret := range []string{`"master_secret": "`, `"master_secret":"`} { // of a state, of a record
		if bytes.Count(text, []byte(secret)) > bytes.Count(text, []byte(secret+armor.Header)) {
			return true
		}
	}
	return false
}

// RewriteSecrets changes the master secret of every app that has one, in place and several side
// by side. After an error the apps are as they were.
func RewriteSecrets(apps map[string]App, rewrite func(secret string) (string, error)) error {
	ids := slices.Sorted(maps.Keys(apps))
	secrets := make([]string, len(ids))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, id := range ids {
		secret := apps[id].MasterSecret
		if secret == "" {
			continue
		}
		group.Go(func() (err error) {
			if secrets[i], err = rewrite(secret); err != nil {
				return fmt.Errorf("the master secret of %q: %w", id, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, id := range ids {
		app := apps[id]
		app.MasterSecret = secrets[i]
		apps[id] = app
	}
	return nil
}
