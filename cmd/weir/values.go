package main

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/weirmq/weir/internal/command/server"
	"github.com/weirmq/weir/resp"
)

// size is a number of bytes, with Redis's units: k, m and g are thousands, kb,
// mb and gb count in 1024.
func size[T int | int64](lowest, highest int64) notation[T] {
	return notation[T]{"size",
		func(s string) (T, error) {
			n, ok := server.ParseMemory(s)
			if !ok {
				return 0, fmt.Errorf("want a size, as in 64mb (kb, mb and gb count in 1024; k, m and g in 1000)")
			}
			if n < lowest || n > highest {
				return 0, fmt.Errorf("want a size from %s to %s", formatSize(lowest), formatSize(highest))
			}
			return T(n), nil
		},
		func(n T) string { return formatSize(int64(n)) }}
}

func formatSize(n int64) string {
	for _, unit := range []struct {
		name  string
		bytes int64
	}{{"gb", 1 << 30}, {"mb", 1 << 20}, {"kb", 1 << 10}} {
		if n != 0 && n%unit.bytes == 0 {
			return strconv.FormatInt(n/unit.bytes, 10) + unit.name
		}
	}
	return strconv.FormatInt(n, 10)
}

// seconds are plain numbers as in Redis, or durations of whole seconds.
var seconds = notation[time.Duration]{"seconds",
	func(s string) (time.Duration, error) {
		d, err := time.ParseDuration(s)
		if n, plain := strconv.ParseInt(s, 10, 32); plain == nil {
			d, err = time.Duration(n)*time.Second, nil
		}
		if err != nil || d < 0 || d%time.Second != 0 {
			return 0, fmt.Errorf("want seconds or a duration of whole seconds, as in 300 or 5m")
		}
		return d, nil
	},
	func(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }}

// parseEnum sets v to the one of the type's n values whose String is the text.
func parseEnum[T interface {
	~uint8
	fmt.Stringer
}](v *T, text string, n T) error {
	var names []string
	for candidate := range n {
		if candidate.String() == strings.ToLower(text) {
			*v = candidate
			return nil
		}
		names = append(names, candidate.String())
	}
	return fmt.Errorf("want one of %s", strings.Join(names, ", "))
}

// level is how important a message must be to be printed, by Redis's names.
type level string

const notice level = "notice"

var slogLevels = map[level]slog.Level{
	"debug": slog.LevelDebug, "verbose": slog.LevelDebug, notice: slog.LevelInfo, "warning": slog.LevelWarn,
}

var logLevels = notation[level]{"debug|verbose|notice|warning",
	func(s string) (level, error) {
		l := level(strings.ToLower(s))
		if _, ok := slogLevels[l]; !ok {
			return "", fmt.Errorf("want one of debug, verbose, notice, warning")
		}
		return l, nil
	},
	func(l level) string { return string(l) }}

func formatOutputLimits(limits resp.OutputLimits) string {
	var parts []string
	for _, class := range []struct {
		name  string
		limit resp.OutputLimit
	}{{"normal", limits[resp.Normal]}, {"replica", limits[resp.Replica]}, {"pubsub", limits[resp.PubSub]}} {
		parts = append(parts, fmt.Sprintf("%s %s %s %s", class.name,
			formatSize(class.limit.Hard), formatSize(class.limit.Soft), seconds.format(class.limit.SoftFor)))
	}
	return strings.Join(parts, " ")
}
