package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// loaded parses a command line in a directory of its own that holds the files.
func loaded(t *testing.T, args, environ []string, files map[string]string) (*config, string, []string, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(t.TempDir(), "none"))
	for name, text := range files {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	addFlags(flags)
	if err := flags.Parse(args); err != nil {
		return nil, "", nil, err
	}
	return load(flags, environ)
}

func TestFlagsBeatEnvironmentBeatsFileBeatsDefault(t *testing.T) {
	file := map[string]string{"weir.yaml": "maxclients: 1\ntimeout: 1\nport: 1\n"}
	c, path, _, err := loaded(t, []string{"--port", "3"}, []string{"WEIR_PORT=2", "WEIR_TIMEOUT=2"}, file)
	if err != nil {
		t.Fatal(err)
	}
	if path != "weir.yaml" || c.ConfigFile != path {
		t.Errorf("the file is %q", path)
	}
	if c.Port != 3 || c.Timeout != 2*time.Second || c.MaxClients != 1 || c.Loops != defaultConfig().Loops {
		t.Errorf("port %d of the flag, timeout %v of the environment, maxclients %d of the file, loops %d of the default",
			c.Port, c.Timeout, c.MaxClients, c.Loops)
	}
}

// TestEverySettingCanComeFromEverySource sets each to a value other than its
// default by flag, environment, YAML and TOML.
func TestEverySettingCanComeFromEverySource(t *testing.T) {
	other := map[string]string{
		"port": "1234", "bind": "10.0.0.1 -::1", "unixsocket": "/run/weir.sock", "unixsocketperm": "770",
		"tls-port": "1235", "tls-cert-file": "c.pem", "tls-key-file": "k.pem", "tls-ca-cert-file": "ca.pem",
		"requirepass": "a secret", "protected-mode": "no", "dir": "elsewhere", "sync": "everysec", "maxclients": "77",
		"timeout": "300", "tcp-keepalive": "60", "proto-max-bulk-len": "1mb", "client-query-buffer-limit": "3mb",
		"client-output-buffer-limit": "normal 1mb 2mb 3 replica 4kb 5kb 6 pubsub 7gb 8gb 9", "loops": "3",
		"log-segment-size": "128kb", "log-max-pending": "2mb", "disk-reserve": "1gb", "stream-block-size": "16mb", "stream-block-entries": "65535",
		"stream-cache-size": "1gb", "stream-segment-size": "64kb", "checkpoint-log-size": "4mb", "save": "900 1 60 10000", "loglevel": "debug",
	}
	for _, s := range settings() {
		want := other[s.name]
		if want == "" || want == s.format(defaultConfig()) {
			t.Errorf("this test needs a value for %s other than its default", s.name)
			continue
		}
		for source, given := range map[string]struct {
			args, environ []string
			files         map[string]string
		}{
			"flag":        {args: []string{"--" + s.name, want}},
			"environment": {environ: []string{s.env() + "=" + want}},
			"YAML":        {files: map[string]string{"weir.yaml": s.name + ": " + want + "\n"}},
			"TOML":        {files: map[string]string{"weir.toml": s.name + " = '" + want + "'\n"}},
		} {
			if s.kind == yesNo.kind && source == "flag" {
				given.args = []string{"--" + s.name + "=" + want}
			}
			c, _, warnings, err := loaded(t, given.args, given.environ, given.files)
			if err != nil || len(warnings) > 0 {
				t.Errorf("%s from the %s: %v %v", s.name, source, err, warnings)
			} else if got := s.format(c); got != want {
				t.Errorf("%s from the %s is %q, not %q", s.name, source, got, want)
			}
		}
	}
}

func TestTheFileIsNamedByFlagOrEnvironmentOrFound(t *testing.T) {
	files := map[string]string{"weir.toml": "maxclients = 1", "a.yaml": "maxclients: 2", "b.yml": "maxclients: 3"}
	for _, c := range []struct {
		args, environ []string
		want          int
	}{
		{nil, nil, 1},
		{nil, []string{"WEIR_CONFIG=a.yaml"}, 2},
		{[]string{"--config", "b.yml"}, []string{"WEIR_CONFIG=a.yaml"}, 3},
	} {
		if got, _, _, err := loaded(t, c.args, c.environ, files); err != nil || got.MaxClients != c.want {
			t.Errorf("%v %v: %v", c.args, c.environ, err)
		}
	}
}

func TestAliasesAndListsWork(t *testing.T) {
	for _, given := range []struct {
		args, environ []string
		files         map[string]string
	}{
		{args: []string{"--appendfsync", "no"}},
		{environ: []string{"WEIR_APPENDFSYNC=no"}},
		{files: map[string]string{"weir.yaml": "appendfsync: no\n"}},
		{files: map[string]string{"weir.toml": "APPENDFSYNC = 'no'\n"}},
	} {
		if c, _, _, err := loaded(t, given.args, given.environ, given.files); err != nil || c.Sync.String() != "no" {
			t.Errorf("%+v: %v", given, err)
		}
	}
	c, _, _, err := loaded(t, nil, nil, map[string]string{"weir.yaml": "bind: [10.0.0.1, '::1']\nprotected-mode: false\n"})
	if err != nil || !slices.Equal(c.Bind, []string{"10.0.0.1", "::1"}) || c.ProtectedMode {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestTextsOfAFileArriveAsWritten: what YAML or TOML would turn into something
// else is refused, named by its key, and not repeated.
func TestTextsOfAFileArriveAsWritten(t *testing.T) {
	for written, want := range map[string]string{
		`"0123"`: "0123", "'1_000'": "1_000", "a secret": "a secret", "yes": "yes", `""`: "", "''": "", "0x1g": "0x1g", `"null"`: "null", "p#ss": "p#ss",
	} {
		c, _, _, err := loaded(t, nil, nil, map[string]string{"weir.yaml": "requirepass: " + written + "\n"})
		if err != nil || c.RequirePass != want {
			t.Errorf("%s is the password %q, not %q: %v", written, c.RequirePass, want, err)
		}
	}
	for _, c := range []struct{ file, text, want string }{
		{"weir.yaml", "requirepass: 0123", "number there, not a text; quote it"},
		{"weir.yaml", "requirepass: 1_000", "number there, not a text; quote it"},
		{"weir.yaml", "requirepass: 0x1F", "number there, not a text; quote it"},
		{"weir.yaml", "requirepass: 1e3", "number there, not a text; quote it"},
		{"weir.yaml", "requirepass: true", "truth value there, not a text; quote it"},
		{"weir.yaml", "requirepass: 2026-01-31", "a date or a time there; quote it"},
		{"weir.yaml", "requirepass: [a, b]", "a list there"},
		{"weir.yaml", "requirepass: {a: b}", "keys of its own"},
		{"weir.yaml", "requirepass: {}", "keys of its own"},
		{"weir.yaml", "requirepass: {1: b}", "keys of its own"},
		{"weir.yaml", "requirepass: null", "no value"},
		{"weir.yaml", "requirepass: ~", "no value"},
		{"weir.yaml", "requirepass:", "no value"},
		{"weir.yaml", "requirepass: #secret", "no value"},
		{"weir.toml", "requirepass = 123", "number there, not a text; quote it"},
		{"weir.toml", "requirepass = 1_000", "number there, not a text; quote it"},
		{"weir.toml", "requirepass = false", "truth value there, not a text; quote it"},
		{"weir.toml", "requirepass = 2026-01-31", "a date or a time there; quote it"},
		{"weir.toml", "requirepass = 07:32:00", "a date or a time there; quote it"},
		{"weir.toml", "requirepass = 2026-01-31T07:32:00Z", "a date or a time there; quote it"},
		{"weir.toml", "requirepass = ['a', 'b']", "a list there"},
		{"weir.toml", "requirepass.a = 'b'", "keys of its own"},
		{"weir.yaml", "dir: 2026", "number there"},
		{"weir.yaml", "unixsocket: 2026", "number there"},
		{"weir.yaml", "tls-cert-file: 1", "number there"},
		{"weir.yaml", "port:", "no value"},
		{"weir.yaml", "port: [1, 2]", "a list there"},
		{"weir.yaml", "appendfsync:", "no value"},
		{"weir.yaml", "timeout: 2026-01-31", "a date or a time"},
		{"weir.yaml", "bind: 10.0", "number there"},
		{"weir.yaml", "bind: [10.0.0.1, ~]", "no value"},
		{"weir.yaml", "bind: [10.0.0.1, 83]", "number there"},
		{"weir.yaml", "bind: []", "the list is empty"},
		{"weir.yaml", "client-output-buffer-limit: []", "the list is empty"},
		{"weir.yaml", "Port: 1\nport: 2", "twice"},
		{"weir.toml", "PORT = 1\nport = 2", "twice"},
	} {
		_, _, _, err := loaded(t, nil, nil, map[string]string{c.file: c.text + "\n"})
		key := strings.FieldsFunc(c.text, func(r rune) bool { return strings.ContainsRune(":= .", r) })[0]
		if key == "appendfsync" {
			key = "sync"
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), strings.ToLower(key)) || strings.Contains(err.Error(), "1F") {
			t.Errorf("%s with %q: %v; want %q", c.file, c.text, err, c.want)
		}
	}
	c, _, _, err := loaded(t, nil, nil, map[string]string{"weir.yaml": "client-output-buffer-limit: [pubsub, 1mb, 4096, 60]\ndisk-reserve: 1_048_576\n"})
	if err != nil || !strings.Contains(formatOutputLimits(c.OutputLimits), "pubsub 1mb 4kb 60") || c.DiskReserve != 1<<20 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestSizesHaveRedissUnits(t *testing.T) {
	for text, want := range map[string]int64{"4194304": 4 << 20, "64mb": 64 << 20, "64MB": 64 << 20, "2m": 2e6, "1gb": 1 << 30, "3g": 3e9, "2048k": 2048000, "2048kb": 2 << 20} {
		if c, _, _, err := loaded(t, []string{"--log-max-pending", text}, nil, nil); err != nil || c.LogMaxPending != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestMisspeltVariablesAreSuspectAndOthersAreNot(t *testing.T) {
	_, _, warnings, err := loaded(t, nil, []string{"WEIR_PROT=1", "WEIR_REQUIRE_REDIS=1", "WEIR_ADDR=x", "WEIR_BIN=y", "WEIR_REQUIREPAS=z", "WEIR_SERVICE_HOST=y"}, nil)
	if err != nil || len(warnings) != 2 || !strings.Contains(warnings[0], "did you mean WEIR_PORT?") || !strings.Contains(warnings[1], "did you mean WEIR_REQUIREPASS?") {
		t.Errorf("%v, %v", warnings, err)
	}
}

func TestAPasswordIsNotRepeatedInMessages(t *testing.T) {
	_, _, _, err := loaded(t, nil, nil, map[string]string{"weir.yaml": "requirepass: {hush: hush}\n"})
	if err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("%v", err)
	}
}

func TestExposureWarnsWhereOthersMayCome(t *testing.T) {
	for _, c := range []struct {
		bind      []string
		password  string
		protected bool
		want      string
	}{
		{[]string{"127.0.0.1", "-::1"}, "", true, ""},
		{[]string{"localhost"}, "", false, ""},
		{[]string{"0.0.0.0"}, "secret", false, ""},
		{[]string{"127.0.0.1", "10.0.0.5"}, "", true, "are refused"},
		{[]string{"*"}, "", false, "may read, change and delete everything"},
		{[]string{"-::*"}, "", false, "may read, change and delete everything"},
	} {
		conf := defaultConfig()
		conf.Bind, conf.RequirePass, conf.ProtectedMode = c.bind, c.password, c.protected
		got := strings.Join(exposure(conf), "\n")
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%v: %q", c.bind, got)
		}
	}
}

func TestNearestFindsTheMeantAndNothingElse(t *testing.T) {
	names := settingNames()
	for misspelt, want := range map[string]string{
		"prot": "port", "maxclient": "maxclients", "max-clients": "maxclients", "require-pass": "requirepass",
		"appendfsyn": "appendfsync", "log-segment-sise": "log-segment-size", "cluster-enabled": "", "x": "", "": "",
	} {
		if got := nearest(misspelt, names); got != want {
			t.Errorf("nearest(%q) = %q, not %q", misspelt, got, want)
		}
	}
}
