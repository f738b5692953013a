package main

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/weirmq/weir/broker"
)

// config is everything an operator can decide, typed. It is filled once, by
// load, and never changed.
type config struct {
	broker.Options
	tlsCert, tlsKey, tlsCA string
	logLevel               level
}

// setting is one of them: the same declaration makes the flag, the environment
// variable, the key of the configuration file and the row of
// docs/configuration.md.
type setting struct {
	name  string
	alias string // another name that Redis has for it
	kind  string // what its values look like, for --help
	help  string // half a sentence
	// parse sets the field of c from the text of a value.
	parse func(c *config, text string) error
	// format is the reverse; of the default configuration it is the default.
	format func(c *config) string
}

// env is the setting's environment variable.
func (s setting) env() string { return envName(s.name) }

func envName(name string) string {
	return "WEIR_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// declare makes a setting of a field, and of how its values are written.
func declare[T any](name, help string, values notation[T], field func(*config) *T) setting {
	return setting{
		name: name, kind: values.kind, help: help,
		parse: func(c *config, text string) error {
			v, err := values.parse(text)
			if err == nil {
				*field(c) = v
			}
			return err
		},
		format: func(c *config) string { return values.format(*field(c)) },
	}
}

// settings are all of them, in the order of --help. Redis's names where Redis
// has the setting.
func settings() []setting {
	sync := setting{
		name: "sync", alias: "appendfsync", kind: "always|everysec|no",
		help:  "what a reply to a write waits for: the disk (always); the operating system, and the disk within a second (everysec); the operating system (no)",
		parse: func(c *config, text string) error { return parseEnum(&c.Sync, text, 3) }, format: func(c *config) string { return c.Sync.String() },
	}
	outputLimits := setting{
		name: "client-output-buffer-limit", kind: "class hard soft seconds ...",
		help: "per class of clients (normal, replica, pubsub): bytes of unread replies that end a connection at once, and that end it when exceeded for so many seconds; 0 is no limit",
		parse: func(c *config, text string) (err error) {
			c.OutputLimits, err = broker.ParseOutputLimits(c.OutputLimits, text)
			if err != nil {
				err = fmt.Errorf(`want class, hard limit, soft limit and seconds, as in "pubsub 32mb 8mb 60"`)
			}
			return err
		},
		format: func(c *config) string { return formatOutputLimits(c.OutputLimits) },
	}
	return []setting{
		declare("port", "TCP port; 0 listens on none", port, func(c *config) *int { return &c.Port }),
		declare("bind", "addresses to listen on; one that begins with - may be missing on this machine; * is all", words, func(c *config) *[]string { return &c.Bind }),
		declare("unixsocket", "path of a unix socket to listen on as well", text, func(c *config) *string { return &c.UnixSocket }),
		declare("unixsocketperm", "mode of the unix socket, octal; 0 leaves it to the umask", mode, func(c *config) *fs.FileMode { return &c.UnixSocketPerm }),
		declare("tls-port", "TCP port for TLS; 0 listens on none", port, func(c *config) *int { return &c.TLSPort }),
		declare("tls-cert-file", "certificate of the server, PEM", text, func(c *config) *string { return &c.tlsCert }),
		declare("tls-key-file", "private key of the certificate, PEM", text, func(c *config) *string { return &c.tlsKey }),
		declare("tls-ca-cert-file", "authorities whose certificates clients must show, PEM; without it clients need none", text, func(c *config) *string { return &c.tlsCA }),
		declare("requirepass", "password that clients must give; prefer the environment or the file, since flags show in the list of processes", text, func(c *config) *string { return &c.RequirePass }),
		declare("protected-mode", "refuse clients of other machines while there is no password", yesNo, func(c *config) *bool { return &c.ProtectedMode }),
		declare("dir", "data directory; one process at a time", text, func(c *config) *string { return &c.Dir }),
		sync,
		declare("maxclients", "connections at a time", number(1, 1<<20), func(c *config) *int { return &c.MaxClients }),
		declare("timeout", "close clients that are idle for so long; 0 is never", seconds, func(c *config) *time.Duration { return &c.Timeout }),
		declare("tcp-keepalive", "ask silent clients for a sign of life after so long; 0 is never", seconds, func(c *config) *time.Duration { return &c.TCPKeepAlive }),
		declare("proto-max-bulk-len", "longest argument of a command", size[int64](1<<20, 1<<40), func(c *config) *int64 { return &c.ProtoMaxBulkLen }),
		declare("client-query-buffer-limit", "longest command", size[int64](1<<20, 1<<40), func(c *config) *int64 { return &c.ClientQueryBufferLimit }),
		outputLimits,
		declare("loops", "event loops", number(1, 256), func(c *config) *int { return &c.Loops }),
		declare("log-segment-size", "size of a file of the log; the newest one is also in memory", size[int](64<<10, 1<<30), func(c *config) *int { return &c.LogSegmentSize }),
		declare("log-max-pending", "unwritten bytes above which writers wait for the disk", size[int64](1<<20, 1<<40), func(c *config) *int64 { return &c.LogMaxPending }),
		declare("disk-reserve", "free space of the disk below which commands that add data are refused; never more than 5 % of the disk", size[int64](0, 1<<50), func(c *config) *int64 { return &c.DiskReserve }),
		declare("stream-block-size", "bytes of entries that a block of a stream in memory holds before the next one is begun", size[int](1<<10, 16<<20), func(c *config) *int { return &c.StreamBlockSize }),
		declare("stream-block-entries", "entries that it holds at most", number(1, 1<<16-1), func(c *config) *int { return &c.StreamBlockEntries }),
		declare("stream-cache-size", "memory for blocks that were read from segment files", size[int64](0, broker.MostStreamCache), func(c *config) *int64 { return &c.StreamCacheSize }),
		declare("stream-segment-size", "size of a segment file, in which full blocks are kept", size[int64](broker.LeastStreamSegment, broker.MostStreamSegment), func(c *config) *int64 { return &c.StreamSegmentSize }),
		declare("checkpoint-log-size", "bytes written to the log since the last checkpoint that start the next; more if the checkpoint itself is larger", size[int64](broker.LeastCheckpointLog, broker.MostCheckpointLog), func(c *config) *int64 { return &c.CheckpointLogSize }),
		declare("save", "further reasons for a checkpoint: so many seconds since the last one, and so many changes; several pairs are possible", saveRules, func(c *config) *[]broker.SaveRule { return &c.Save }),
		declare("loglevel", "least important messages to print", logLevels, func(c *config) *level { return &c.logLevel }),
	}
}

// settingNames are the names that may appear in a file, aliases included.
func settingNames() []string {
	var names []string
	for _, s := range settings() {
		names = append(names, s.name)
		if s.alias != "" {
			names = append(names, s.alias)
		}
	}
	return names
}

func defaultConfig() *config {
	return &config{Options: broker.DefaultOptions(), logLevel: notice}
}

// notation is how the values of a type are written.
type notation[T any] struct {
	kind   string
	parse  func(string) (T, error)
	format func(T) string
}

var text = notation[string]{"text", func(s string) (string, error) { return s, nil }, func(s string) string { return s }}

var words = notation[[]string]{"address ...",
	func(s string) ([]string, error) {
		list := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' })
		if len(list) == 0 {
			return nil, fmt.Errorf("want one or more addresses, as in \"127.0.0.1 -::1\"")
		}
		return list, nil
	},
	func(list []string) string { return strings.Join(list, " ") }}

var mode = notation[fs.FileMode]{"octal mode",
	func(s string) (fs.FileMode, error) {
		// YAML and TOML read an unquoted 0770 or 0o770 as the number 504. No
		// such number looks like a mode whose owner may read and write, so
		// insisting on that owner catches it.
		m, err := strconv.ParseUint(s, 8, 32)
		if err != nil || m > 0o777 || m != 0 && m < 0o600 {
			return 0, fmt.Errorf("want an octal mode with 6 or 7 for the owner, as in 770, or 0")
		}
		return fs.FileMode(m), nil
	},
	func(m fs.FileMode) string { return strconv.FormatUint(uint64(m), 8) }}

var yesNo = notation[bool]{"yes|no",
	func(s string) (bool, error) {
		switch strings.ToLower(s) {
		case "yes", "true", "on":
			return true, nil
		case "no", "false", "off":
			return false, nil
		}
		return false, fmt.Errorf("want yes or no")
	},
	func(b bool) string { return map[bool]string{true: "yes", false: "no"}[b] }}

var saveRules = notation[[]broker.SaveRule]{"seconds changes ...",
	func(s string) ([]broker.SaveRule, error) {
		rules, err := broker.ParseSaveRules(s)
		if err != nil {
			err = fmt.Errorf("want seconds and changes, as in \"900 1\", or nothing")
		}
		return rules, err
	},
	broker.FormatSaveRules}

var port = number(0, 65535)

func number(lowest, highest int) notation[int] {
	return notation[int]{"number",
		func(s string) (int, error) {
			n, err := strconv.Atoi(s)
			if err != nil || n < lowest || n > highest {
				return 0, fmt.Errorf("want a number from %d to %d", lowest, highest)
			}
			return n, nil
		},
		strconv.Itoa}
}
