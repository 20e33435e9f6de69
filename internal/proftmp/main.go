package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"jpsync/internal/cli"
)

func main() {
	if os.Args[1] == "serve" {
		lat, _ := time.ParseDuration(os.Args[3])
		var n atomic.Int64
		http.ListenAndServe(os.Args[2], http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			body := `{"success":"Synchronized success"}`
			if strings.HasSuffix(r.URL.Path, "/app") {
				body = fmt.Sprintf(`{"app_key":"%024x","is_new_created":true}`, n.Add(1))
			}
			time.Sleep(lat)
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			io.WriteString(w, body)
		}))
	}
	if p := os.Getenv("PROF"); p != "" {
		f, _ := os.Create(p)
		pprof.StartCPUProfile(f)
		defer f.Close()
	}
	if p := os.Getenv("TRACE"); p != "" {
		f, _ := os.Create(p)
		trace.Start(f)
		defer f.Close()
	}
	began := time.Now()
	code := cli.Main(context.Background(), os.Args[1:], cli.Host{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	fmt.Fprintln(os.Stderr, "took", time.Since(began))
	pprof.StopCPUProfile()
	trace.Stop()
	os.Exit(code)
}
