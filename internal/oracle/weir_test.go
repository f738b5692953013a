package oracle_test

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/weirmq/weir/internal/oracle"
)

// weirBinary builds the binary once, when the first test asks for it.
var weirBinary = sync.OnceValues(func() (string, error) { return oracle.BuildWeir(buildDir) })

var buildDir string

func TestMain(m *testing.M) {
	var err error
	if buildDir, err = os.MkdirTemp("", "oracle"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(buildDir)
	os.Exit(code)
}

// judged returns the address of an empty server to judge: one at WEIR_ADDR, or
// a weir of our own with these arguments.
func judged(t *testing.T, args ...string) string {
	t.Helper()
	if addr := os.Getenv("WEIR_ADDR"); addr != "" {
		c, err := oracle.Dial(addr)
		if err == nil {
			_, err = c.MustDo("FLUSHALL")
			_ = c.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		return addr
	}
	binary, err := weirBinary()
	if err != nil {
		t.Fatal(err)
	}
	weir, err := oracle.StartWeir(binary, t.TempDir(), args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		weir.Kill()
		if text := weir.Crashed(); text != "" {
			t.Error(text)
		} else if t.Failed() {
			t.Logf("weir printed:\n%s", weir.Output())
		}
	})
	return weir.Addr
}

func replay(t *testing.T, path string, run func(string, *oracle.Transcript, int) ([]oracle.Difference, error), args ...string) {
	tr, err := oracle.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, proto := range tr.Protos {
		t.Run(fmt.Sprintf("RESP%d", proto), func(t *testing.T) {
			diffs, err := run(judged(t, args...), tr, proto)
			for _, d := range diffs {
				t.Error(d)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// TestWeirAnswersAsRedisDoes replays what redis-server said against Weir.
func TestWeirAnswersAsRedisDoes(t *testing.T) {
	transcripts(t, "redis", func(t *testing.T, path string) { replay(t, path, oracle.Run) })
}

// TestWeirDiffersOnlyAsDocumented replays the files that describe what is newer
// than redis-server 7.0.15, or different on purpose.
func TestWeirDiffersOnlyAsDocumented(t *testing.T) {
	transcripts(t, "weir", func(t *testing.T, path string) { replay(t, path, oracle.Run) })
}

// TestWeirAnswersTheSameFromFiles replays all of them against a weir whose blocks
// leave the memory soon.
func TestWeirAnswersTheSameFromFiles(t *testing.T) {
	if os.Getenv("WEIR_ADDR") != "" {
		return // it has its settings
	}
	for _, folder := range []string{"redis", "weir"} {
		transcripts(t, folder, func(t *testing.T, path string) { replay(t, path, oracle.RunFromFiles, oracle.Small...) })
	}
}
