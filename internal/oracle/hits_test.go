package oracle_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/oracle"
)

// TestKeyspaceHitsAreCountedAsByRedis compares what each command of testdata/keyspace_hits.txt adds to keyspace_hits and
// keyspace_misses. The lines up to the first empty one make the keys that every command finds.
func TestKeyspaceHitsAreCountedAsByRedis(t *testing.T) {
	addrs := []string{redisServer(t), judged(t)}
	text, err := os.ReadFile(filepath.Join("testdata", "keyspace_hits.txt"))
	if err != nil {
		t.Fatal(err)
	}
	keys, commands, _ := strings.Cut(string(text), "\n\n")
	var conns [2]*oracle.Conn
	for i, addr := range addrs {
		if conns[i], err = oracle.Dial(addr); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conns[i].Close() }()
	}
	counted := 0
	for line := range strings.SplitSeq(strings.TrimSpace(commands), "\n") {
		theirs, ours := lookups(t, conns[0], keys, line), lookups(t, conns[1], keys, line)
		if ours != theirs {
			t.Errorf("%s\nredis: %s\nweir:  %s", line, theirs, ours)
		}
		if theirs != "keyspace_hits:0 keyspace_misses:0" {
			counted++
		}
	}
	if counted < 100 {
		t.Errorf("%d commands have been counted", counted)
	}
}

// lookups returns what one command, on fresh keys, adds to the counters of INFO.
func lookups(t *testing.T, c *oracle.Conn, keys, line string) string {
	t.Helper()
	do := func(line string) oracle.Reply {
		args, err := oracle.SplitArgs(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		rep, err := c.Do(args...)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		return rep
	}
	for prepare := range strings.SplitSeq("FLUSHALL\n"+keys+"\nCONFIG RESETSTAT", "\n") {
		if rep := do(prepare); rep.IsError() {
			t.Fatalf("%s: %s", prepare, rep)
		}
	}
	do(line) // some are refused, and count what they have looked up before
	var counters []string
	for field := range strings.SplitSeq(do("INFO stats").Text, "\r\n") {
		if strings.HasPrefix(field, "keyspace_") {
			counters = append(counters, field)
		}
	}
	return strings.Join(counters, " ")
}
