package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"jpsync/internal/jpush/sandbox"
)

type sandboxCmd struct {
	Addr     string           `default:"127.0.0.1:8025" placeholder:"HOST:PORT" help:"Where to listen, on loopback only; port 0 is any free one (${default})."`
	Fault    []string         `sep:"none" placeholder:"FAULT" help:"Misbehave, for instance lost:create:first=1 (repeatable; see above)."`
	Data     string           `placeholder:"FILE" help:"Keep the account in this file; by default it is gone at the end."`
	Strict   bool             `help:"Refuse what JPush takes from other clients and jpsync never sends, as a group_name of null."`
	Identity sandbox.Identity `enum:"package,name-and-package,always-new" default:"package" help:"What makes two creates the same app: package, name-and-package or always-new."`
}

// Run serves until ctx ends.
func (c *sandboxCmd) Run(ctx context.Context, t *terminal) error {
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return fmt.Errorf("--addr %s: %w", c.Addr, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("--addr %s: the simulator listens on loopback only, it does not protect what it is sent", c.Addr)
	}
	options := sandbox.Options{Data: c.Data, Strict: c.Strict, Identity: c.Identity}
	for _, text := range c.Fault {
		fault, err := sandbox.ParseFault(text)
		if err != nil {
			return fmt.Errorf("--fault: %w", err)
		}
		options.Faults = append(options.Faults, fault)
	}
	handler, err := sandbox.New(options)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.Out, "http://%s/v1/\nJPSYNC_ENDPOINT=http://%[1]s/v1/ JPUSH_DEV_KEY=%s JPUSH_DEV_SECRET=%s\nJPSYNC_DEVICE_ENDPOINT=http://%[1]s/v3/\n", listener.Addr(), sandbox.DevKey, sandbox.DevSecret)
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
