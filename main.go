// Command jpsync keeps a JPush developer account in step with a YAML manifest. README.md
// says how to use it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"jpsync/internal/cli"
)

func main() { os.Exit(run()) }

// run passes the first SIGINT, SIGTERM or SIGHUP on as a cancelled context, which lets an apply
// finish and record what it has sent. The second one stops at once: what has been reported
// by then is in the journal, and the next run asks again for the rest.
func run() int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	// A reader that goes away (a pager, head) must not end an apply in the middle: the write
	// fails instead.
	signal.Ignore(syscall.SIGPIPE)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup asks for
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		<-signals
		cancel()
		<-signals
		os.Exit(cli.ExitInterrupted)
	}()
	return cli.Main(ctx, os.Args[1:], cli.Host{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
}
