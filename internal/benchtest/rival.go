package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"gopkg.in/yaml.v3"

	"jpsync/internal/jpush"
)

// rivalCommand makes this program play the other side, in a process of its own like jpsync.
const rivalCommand = "rival"

// rival does the least that anybody could get by with: it decodes a manifest and does nothing
// with it, or makes requests without a plan, a journal, a state or a retry.
func rival(args []string) error {
	flags := flag.NewFlagSet(rivalCommand, flag.ContinueOnError)
	manifest := flags.String("decode", "", "only decode this manifest")
	endpoint := flags.String("endpoint", "", "where the requests go")
	n := flags.Int("n", 0, "how many requests to make")
	parallelism := flags.Int("parallelism", 1, "how many at a time")
	certificates := flags.String("certificates", "", "upload the certificates in this directory instead of creating apps")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *manifest != "" {
		return decode(*manifest)
	}
	client, err := jpush.New(jpush.Options{Endpoint: *endpoint, DevKey: devKey, DevSecret: devSecret})
	if err != nil {
		return err
	}
	var group errgroup.Group
	group.SetLimit(*parallelism)
	for i := range *n {
		group.Go(func() error {
			if *certificates != "" {
				return upload(client, *certificates, i)
			}
			_, err := client.CreateApp(context.Background(), jpush.App{Name: appName(i), AndroidPackage: appPackage(i)})
			return err
		})
	}
	return group.Wait()
}

func upload(client *jpush.Client, dir string, i int) error {
	name := appID(i) + ".p12"
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	return client.UploadCertificate(context.Background(), fmt.Sprintf("%024x", i+1),
		jpush.Certificate{Environment: jpush.Production, Filename: name, Data: data, Password: p12Password})
}

// decode reads a manifest with the YAML package alone.
func decode(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var m struct {
		Version int `yaml:"version"`
		Apps    []struct {
			ID             string            `yaml:"id"`
			AppName        string            `yaml:"app_name"`
			AndroidPackage string            `yaml:"android_package"`
			GroupName      string            `yaml:"group_name"`
			Labels         map[string]string `yaml:"labels"`
		} `yaml:"apps"`
	}
	if err := yaml.Unmarshal(data, &m); err != nil {
		return err
	}
	if len(m.Apps) == 0 {
		return errors.New("the manifest has no apps")
	}
	return nil
}

// service answers like the Admin API when all goes well, after a fixed time, and remembers
// nothing: what it costs is the same for every program that is measured against it.
type service struct {
	latency time.Duration
	created atomic.Int64
	served  atomic.Int64
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}
	body := `{"success":"Synchronized success"}`
	if strings.HasSuffix(r.URL.Path, "/app") {
		body = fmt.Sprintf(`{"app_key":"%024x","is_new_created":true}`, s.created.Add(1))
	}
	if s.latency > 0 {
		time.Sleep(s.latency - time.Since(began))
	}
	s.served.Add(1)
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, body)
}

// serve listens on loopback and returns the endpoint for jpsync. The server lives as long as
// this program.
func serve(h http.Handler) string { return httptest.NewServer(h).URL + "/v1/" }
