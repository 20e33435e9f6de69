package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Version is set by the release build: -ldflags "-X jpsync/internal/cli.Version=1.2.3".
var Version string

// version is what this build calls itself.
func version() string {
	if Version != "" {
		return Version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}

type versionCmd struct{}

// Run prints one line: name, version, Go version and platform.
func (versionCmd) Run(t *terminal) error {
	_, err := fmt.Fprintf(t.Out, "jpsync %s (%s %s/%s)\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
