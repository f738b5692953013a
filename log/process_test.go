package log

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// The test binary is also the program that gets killed: with this variable set
// it appends to the directory named there until it dies, and prints the count
// of every released record.
const victimDir, victimSync = "WEIR_LOG_VICTIM_DIR", "WEIR_LOG_VICTIM_SYNC"

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimDir); dir != "" {
		victim(dir, os.Getenv(victimSync))
		return
	}
	goleak.VerifyTestMain(m)
}

func victim(dir, mode string) {
	s, err := ParseSync(mode)
	if err != nil {
		panic(err)
	}
	l, err := Open(Options{Dir: dir, Sync: s, SegmentBytes: 20_000})
	if err != nil {
		panic(err)
	}
	n := 0
	if err := l.Replay(0, func(Position, int64, []byte) error { n++; return nil }); err != nil {
		panic(err)
	}
	if err := l.Begin(); err != nil {
		panic(err)
	}
	out := bufio.NewWriter(os.Stdout)
	for {
		for range 1 + n%5 {
			n++
			l.Append([]byte(strconv.Itoa(n)))
		}
		if !l.Commit() {
			_ = l.Sync(context.Background())
		}
		fmt.Fprintln(out, l.Released().Count())
		_ = out.Flush()
	}
}

// T1, in small: the same directory is killed again and again.
func TestReleasedRecordsSurviveKill9(t *testing.T) {
	rounds := 8
	if testing.Short() {
		rounds = 2
	}
	for _, mode := range []Sync{SyncAlways, SyncEverySecond, SyncNo} {
		t.Run(mode.String(), func(t *testing.T) {
			dir := t.TempDir()
			released := 0
			for round := range rounds {
				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), victimDir+"="+dir, victimSync+"="+mode.String())
				cmd.Stderr = os.Stderr
				out, err := cmd.StdoutPipe()
				if err == nil {
					err = cmd.Start()
				}
				if err != nil {
					t.Fatal(err)
				}
				// It dies at a line that differs from round to round, while it
				// goes on writing; what it printed until then counts too.
				lines := bufio.NewScanner(out)
				for seen := 0; lines.Scan(); seen++ {
					n, err := strconv.Atoi(lines.Text())
					if err == nil {
						released = max(released, n)
					}
					if seen == 50+round*137 {
						_ = cmd.Process.Kill()
					}
				}
				if err := cmd.Wait(); err == nil {
					t.Fatal("it was not killed")
				}
				copied := filepath.Join(t.TempDir(), "copy")
				copyDir(t, dir, copied)
				l := open(t, Options{Dir: copied})
				got := records(t, l, 0)
				if len(got) < released {
					t.Fatalf("round %d: %d records, %d were released", round, len(got), released)
				}
				for i, r := range got {
					if r != strconv.Itoa(i+1) {
						t.Fatalf("round %d: record %d is %s", round, i+1, r)
					}
				}
				if l.Last().Epoch() != uint16(round+2) {
					t.Fatalf("round %d: epoch of %s", round, l.Last())
				}
				_ = l.Close()
			}
			t.Logf("%d rounds, %d released, 0 lost", rounds, released)
		})
	}
}

// T22.
func TestASecondProcessIsRefusedWithTheOwnersPID(t *testing.T) {
	dir := t.TempDir()
	l := open(t, Options{Dir: dir})
	l.Append([]byte("mine"))
	mustCommit(t, l)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), victimDir+"="+dir, victimSync+"=no")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err == nil || ctx.Err() != nil {
		t.Fatal(err, ctx.Err())
	}
	if !strings.Contains(stderr.String(), fmt.Sprintf("in use by process %d", os.Getpid())) {
		t.Fatal(stderr.String())
	}
	// The file is a courtesy: who deletes it lets nobody in.
	for range 2 {
		if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrLocked) {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(dir, lockName)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	equal(t, records(t, open(t, Options{Dir: dir}), 0), []string{"mine"})
}
