package oracle_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/oracle"
)

var record = flag.Bool("record", false, "write the replies of a real redis-server into testdata/redis")

// needRedis skips where there is no redis-server, unless WEIR_REQUIRE_REDIS=1
// says that there must be one.
func needRedis(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("WEIR_REQUIRE_REDIS") == "1" {
			t.Fatal(err)
		}
		t.Skip("no redis-server here; set WEIR_REQUIRE_REDIS=1 to make that an error")
	}
}

// redisServer returns the address of a redis-server for one test, as needRedis has it.
func redisServer(t *testing.T) string {
	t.Helper()
	needRedis(t)
	redis, err := oracle.StartRedis(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(redis.Kill)
	return redis.Addr
}

// transcripts calls f for every file of a folder.
func transcripts(t *testing.T, folder string, f func(t *testing.T, path string)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts in %s: %v", folder, err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) { f(t, path) })
	}
}

// TestTranscriptsAreWhatRedisSays records every transcript again from a real
// redis-server. With -record it writes them, otherwise they must not change.
func TestTranscriptsAreWhatRedisSays(t *testing.T) {
	needRedis(t)
	transcripts(t, "redis", func(t *testing.T, path string) {
		tr, err := oracle.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, proto := range tr.Protos {
			redis, err := oracle.StartRedis(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			err = oracle.Record(redis.Addr, tr, proto)
			redis.Kill()
			if err != nil {
				t.Fatal(err)
			}
		}
		if *record {
			if err := tr.Save(); err != nil {
				t.Fatal(err)
			}
			return
		}
		have, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(have) != tr.String() {
			t.Errorf("%s is not what redis-server says now; run go test ./internal/oracle -record and read the diff\n%s", path,
				oracle.Contrast(strings.Split(string(have), "\n"), strings.Split(tr.String(), "\n")))
		}
	})
}
