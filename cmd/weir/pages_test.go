package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/command/connection"
	"github.com/weirmq/weir/internal/command/hashes"
	"github.com/weirmq/weir/internal/command/keys"
	"github.com/weirmq/weir/internal/command/lists"
	"github.com/weirmq/weir/internal/command/server"
	"github.com/weirmq/weir/internal/command/sets"
	"github.com/weirmq/weir/internal/command/streams"
	stringscommands "github.com/weirmq/weir/internal/command/strings"
	"github.com/weirmq/weir/internal/command/zsets"
)

//go:generate go test -run TestGeneratedPagesAreFresh -update

var update = flag.Bool("update", false, "write the generated pages of docs again")

func TestGeneratedPagesAreFresh(t *testing.T) {
	for path, write := range map[string]func(*bytes.Buffer) error{
		"../../docs/configuration.md": writeConfigurationPage,
		"../../docs/commands.md": func(b *bytes.Buffer) error {
			return command.WriteDocs(b, command.NewTable(
				connection.Specs(nil),
				server.Specs(nil),
				hashes.Specs(),
				keys.Specs(),
				lists.Specs(),
				sets.Specs(),
				streams.Specs(),
				stringscommands.Specs(),
				zsets.Specs(),
			))
		},
	} {
		var want bytes.Buffer
		if err := write(&want); err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(path, want.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%s is not what go generate ./... would write (%v)", path, err)
		}
	}
}

func writeConfigurationPage(b *bytes.Buffer) error {
	b.WriteString(`# Configuration

Generated from the settings of ` + "`cmd/weir` by `go generate ./...`" + `; do not edit.

A setting is given as a flag of ` + "`weir serve`" + `, an environment variable or a key of the configuration file; the first of
these that has it decides. The file is YAML or TOML: the one that ` + "`--config` or `WEIR_CONFIG`" + ` names, otherwise the first
` + "`weir.yaml`, `weir.yml` or `weir.toml` in `.`, `$XDG_CONFIG_HOME/weir` and `/etc/weir`" + `. A key that is no setting,
or has no value, is refused. Quote texts that YAML or TOML would read as something else: ` + "`requirepass: \"0123\"`; `\"\"`" + ` is the
empty text. ` + "`bind` and `client-output-buffer-limit`" + ` may be lists.

` + "```yaml\n# /etc/weir/weir.yaml\nbind: 10.0.0.5 127.0.0.1\nrequirepass: a long secret\ndir: /var/lib/weir\nsync: always\nclient-output-buffer-limit: pubsub 32mb 8mb 60\n```" + `

Sizes have units: ` + "`kb`, `mb`, `gb` count in 1024, `k`, `m`, `g`" + ` in 1000. Seconds are plain numbers or durations such as ` + "`5m`" + `.

| setting | environment | values | default | |
|---|---|---|---|---|
`)
	defaults := defaultConfig()
	cell := func(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
	for _, s := range settings() {
		name, shown := "`"+s.name+"`", s.format(defaults)
		if s.alias != "" {
			name += " or `" + s.alias + "`"
		}
		if shown != "" {
			shown = "`" + shown + "`"
		}
		fmt.Fprintf(b, "| %s | `%s` | %s | %s | %s |\n", name, s.env(), cell(s.kind), cell(shown), cell(s.help))
	}
	b.WriteString("\n`GOGC` and `GOMEMLIMIT` have their usual meaning for Go programs. Without `GOGC` Weir lets its heap grow by 16 MB or 20 % of\n" +
		"what is live, whichever is more, before it collects garbage, and gives free memory back to the system when it has been idle for some\n" +
		"seconds.\n")
	return nil
}
