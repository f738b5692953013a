package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// A release sets these with -ldflags "-X main.version=1.2.3 ...". Without, the
// build information that the Go command embeds is used.
var version, commit, date string

// buildInfo says which weir this is.
type buildInfo struct {
	Version string `json:"version"`
	Commit  string `json:"commit"` // empty when unknown
	Date    string `json:"date"`   // of the commit; empty when unknown
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

// unreleased is the version of a build from a tree without tags.
const unreleased = "0.1.0-dev"

func readBuildInfo() buildInfo {
	info := buildInfo{Version: version, Commit: commit, Date: date, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if build, ok := debug.ReadBuildInfo(); ok {
		if info.Version == "" && build.Main.Version != "(devel)" {
			info.Version = build.Main.Version
		}
		for _, s := range build.Settings {
			switch {
			case s.Key == "vcs.revision" && info.Commit == "":
				info.Commit = s.Value
			case s.Key == "vcs.time" && info.Date == "":
				info.Date = s.Value
			}
		}
	}
	if info.Version == "" {
		info.Version = unreleased
	}
	return info
}

func (b buildInfo) String() string {
	text := fmt.Sprintf("weir %s (%s, %s/%s)", b.Version, b.Go, b.OS, b.Arch)
	if b.Commit != "" {
		text += "\ncommit " + b.Commit + " of " + b.Date
	}
	return text
}

func newVersion() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print version and build",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return printVersion(cmd.OutOrStdout(), output)
		},
	}
	cmd.Flags().StringVar(&output, "output", "text", "text or json")
	return cmd
}

func printVersion(w io.Writer, output string) error {
	info := readBuildInfo()
	switch output {
	case "text":
		_, err := fmt.Fprintln(w, info)
		return err
	case "json":
		indented := json.NewEncoder(w)
		indented.SetIndent("", "  ")
		return indented.Encode(info)
	default:
		return fmt.Errorf("--output is text or json, not %q", output)
	}
}
