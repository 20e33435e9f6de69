package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"gopkg.in/yaml.v3"
)

// bare is what this program does when it plays the other side of a duel, in a process of its
// own like jpsync: the least that anybody could get by with, without a journal, a state,
// a retry or a look at what came back.
func bare(args []string) error {
	flags := flag.NewFlagSet("bare", flag.ContinueOnError)
	n := flags.Int("n", 0, "requests")
	inFlight := flags.Int("c", 1, "requests in flight")
	url := flags.String("url", "", "endpoint")
	dir := flags.String("certs", "", "directory of the certificates to post")
	document := flags.String("yaml", "", "only decode this file")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case *document != "":
		return decode(*document)
	case *dir != "":
		return loop(*n, *inFlight, func(i int) (*http.Request, error) { return uploadRequest(*url, *dir, i) })
	}
	return loop(*n, *inFlight, func(i int) (*http.Request, error) {
		r, err := http.NewRequest(http.MethodPost, *url+"app", bytes.NewReader(createBody(i)))
		if err == nil {
			r.Header.Set("Content-Type", "application/json")
		}
		return r, err
	})
}

// loop posts n requests, so many at a time.
func loop(n, inFlight int, request func(i int) (*http.Request, error)) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConns: inFlight, MaxIdleConnsPerHost: inFlight}}
	next := make(chan int)
	failed := make(chan error, n)
	var workers sync.WaitGroup
	for range inFlight {
		workers.Go(func() {
			for i := range next {
				if err := post(client, request, i); err != nil {
					failed <- err
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	workers.Wait()
	close(failed)
	return <-failed
}

func post(client *http.Client, request func(i int) (*http.Request, error), i int) error {
	r, err := request(i)
	if err != nil {
		return err
	}
	r.SetBasicAuth(devKey, devSecret)
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the server answered %s", resp.Status)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// createBody is what jpsync sends for the app of the same number.
func createBody(i int) []byte {
	return fmt.Appendf(nil, `{"app_name":"%s","android_package":"%s"}`, appName(i), appPackage(i))
}

// uploadRequest posts the certificate of an app the way jpsync does.
func uploadRequest(url, dir string, i int) (*http.Request, error) {
	name := appID(i) + ".p12"
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	file, err := form.CreateFormFile("proCertificateFile", name)
	if err != nil {
		return nil, err
	}
	_, err = file.Write(data)
	err = errors.Join(err, form.WriteField("proCertificatePassword", p12Password), form.Close())
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(http.MethodPost, fmt.Sprintf("%sapp/%024x/certificate", url, i+1), &body)
	if err == nil {
		r.Header.Set("Content-Type", form.FormDataContentType())
	}
	return r, err
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
