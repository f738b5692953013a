package log

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

// backup copies what Files names, as it is on the disk.
func backup(from, to string, files []FileSpan) error {
	for _, f := range files {
		path := filepath.Join(to, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		in, err := os.Open(filepath.Join(from, f.Name))
		if err != nil {
			return err
		}
		out, err := os.Create(path)
		if err == nil {
			_, err = io.CopyN(out, in, f.Size)
			err = errors.Join(err, out.Close())
		}
		if err := errors.Join(err, in.Close()); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}

// T56 for the log: copies are taken while records are written, in generations and segments of all
// sizes.
func TestACopyOfItsFilesIsTheLogUpToDurable(t *testing.T) {
	for _, mode := range []Sync{SyncAlways, SyncEverySecond, SyncNo} {
		t.Run(mode.String(), func(t *testing.T) {
			base := fastDir(t)
			dir := filepath.Join(base, "live")
			l := open(t, Options{Dir: dir, Sync: mode, SegmentBytes: 3000})
			var wg sync.WaitGroup
			for n := range 20 {
				wg.Go(func() {
					for i := 300*n + 1; i <= 300*(n+1); i++ {
						l.Append([]byte(strconv.Itoa(i)))
						l.Commit()
					}
				})
				switch n % 5 {
				case 1:
					if err := l.Rotate(); err != nil {
						t.Error(err)
					}
				case 2:
					mustCommit(t, l)
				case 4:
					if _, err := l.Discard(l.Durable()); err != nil {
						t.Error(err)
					}
				}
				durable, first := l.Durable(), l.First()
				to := filepath.Join(base, fmt.Sprint("copy-", n))
				if err := backup(dir, to, l.Files()); err != nil {
					t.Error(err)
					break
				}
				checkCopy(t, to, l.ID(), first, durable)
				wg.Wait()
			}
			mustCommit(t, l)
			to := filepath.Join(base, "last")
			if err := backup(dir, to, l.Files()); err != nil {
				t.Fatal(err)
			}
			checkCopy(t, to, l.ID(), l.First(), l.Last())
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if s := openReadOnly(t, Options{Dir: to}); s.Last().Count() != l.Last().Count() {
				t.Fatalf("the copy ends at %s, the log at %s", s.Last(), l.Last())
			}
		})
	}
}

func checkCopy(t *testing.T, dir string, id [16]byte, first, durable Position) {
	t.Helper()
	if got, err := ReadID(dir); err != nil || got != id {
		t.Errorf("the copy's id is %x, %v", got, err)
	}
	if r, err := Verify(dir); err != nil || r.Clean || len(r.Cuts) != 0 {
		t.Errorf("%+v %v", r, err)
	}
	l, err := Open(Options{Dir: dir})
	if err != nil {
		t.Error(err)
		return
	}
	defer l.Close()
	if l.First() != first || l.Last().Count() < durable.Count() || l.Last().Epoch() != durable.Epoch()+1 {
		t.Errorf("the copy has %s to %s; %s was durable", l.First(), l.Last(), durable)
	}
	from := Position(0)
	if first != 0 {
		from = first - 1
	}
	count := from.Count()
	if err := l.Replay(from, func(p Position, _ int64, r []byte) error {
		if count++; p.Count() != count || string(r) != strconv.FormatUint(count, 10) {
			return fmt.Errorf("%s is %q", p, r)
		}
		return nil
	}); err != nil || count != l.Last().Count() {
		t.Errorf("%d of %s: %v", count, l.Last(), err)
	}
}
