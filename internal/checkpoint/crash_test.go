package checkpoint

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/vfs"
)

// kept is how many checkpoints the life of a directory keeps, as the broker does.
const kept = 2

// crashState is the state of the checkpoint of a number in the life of a directory.
func crashState(number uint64) state {
	s := stateOf(number, int(number)*700)
	s.section = 512
	return s
}

// life is a directory in which a process makes one checkpoint after the other.
type life struct {
	done    uint64 // the newest that Finish has returned for
	durable uint64 // the newest behind which the log is durable
}

func (l *life) step(fs vfs.FS, number uint64) error {
	err := crashState(number).write(fs, func() error { l.durable = number; return nil })
	if err != nil {
		return err
	}
	l.done = number
	return Keep(fs, kept)
}

// check looks at what a crash has left. It returns the newest checkpoint, 0 if there is none.
func (l *life) check(fs vfs.FS) (newest uint64, err error) {
	if err := RemoveLeftovers(fs); err != nil {
		return 0, err
	}
	infos, err := List(fs)
	if err != nil {
		return 0, err
	}
	for i, info := range infos {
		if i > 0 && i < kept && info.Number+1 != infos[i-1].Number {
			return 0, fmt.Errorf("checkpoint %d comes after %d", infos[i-1].Number, info.Number)
		}
		if info.Number > l.durable {
			return 0, fmt.Errorf("checkpoint %d has a name, and the log behind it may not be durable", info.Number)
		}
		if got, err := read(fs, info.Number); err != nil || !got.equal(crashState(info.Number)) {
			return 0, fmt.Errorf("checkpoint %d is not what was written: %w", info.Number, err)
		}
		newest = max(newest, info.Number)
	}
	if newest < l.done || len(infos) < min(kept, int(l.done)) {
		return newest, fmt.Errorf("checkpoint %d was done, and the newest of %d is %d", l.done, len(infos), newest)
	}
	if files, err := fs.List(dir); err == nil && slices.ContainsFunc(files, func(n string) bool { return strings.HasSuffix(n, aside) }) {
		return newest, errors.New("there is a leftover after RemoveLeftovers")
	}
	return newest, nil
}

// The power is cut before each operation of the life of a directory, and again before each of the operations that follow
// the start: leftovers are removed and the next checkpoint is made.
func TestAPowerCutLeavesAllOfACheckpointOrNothing(t *testing.T) {
	const clones, again = 6, 2
	var cuts int
	fs := vfs.NewMem()
	l := &life{}
	cut := func(rng *rand.Rand) {
		for range clones {
			cuts++
			after := fs.Crash(rng)
			then := *l
			newest, err := then.check(after)
			if err != nil {
				t.Fatal(err)
			}
			then.done, then.durable = newest, newest
			after.Before = func(string, string) error {
				for range again {
					cuts++
					later := then
					if _, err := later.check(after.Crash(rng)); err != nil {
						t.Fatalf("a second time: %v", err)
					}
				}
				return nil
			}
			if err := then.step(after, newest+1); err != nil {
				t.Fatal(err)
			}
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	fs.Before = func(string, string) error { cut(rng); return nil }
	for number := uint64(1); number <= 5; number++ {
		if err := l.step(fs, number); err != nil {
			t.Fatal(err)
		}
	}
	cut(rng)
	if cuts < 5000 {
		t.Errorf("only %d power cuts", cuts)
	}
}

// Each operation fails in turn: once, or it and all that follow until the end of the step. Nobody is told that there is
// a checkpoint which the next power cut takes away.
func TestAFailedOperationNeverMakesACheckpoint(t *testing.T) {
	broken := errors.New("input/output error")
	for _, forever := range []bool{false, true} {
		for k := 0; ; k++ {
			rng := rand.New(rand.NewPCG(3, uint64(k)))
			fs := vfs.NewMem()
			l := &life{}
			ops, failed := 0, ""
			for number := uint64(1); number <= 4; number++ {
				broke := false
				fs.Before = func(op, name string) error {
					ops++
					if ops == k+1 || broke && forever {
						broke, failed = true, op+" "+name
						return broken
					}
					return nil
				}
				err := l.step(fs, number)
				fs.Before = nil
				if broke != errors.Is(err, broken) {
					t.Fatalf("%s failed, and the step said %v", failed, err)
				}
				if broke && !forever && l.done < number && !strings.HasPrefix(failed, "remove ") {
					if files, _ := fs.List(dir); slices.Contains(files, base(number)) || slices.Contains(files, base(number)+aside) {
						t.Fatalf("%s failed, and there is %v", failed, files)
					}
				}
				for range 4 {
					then := *l
					if _, err := then.check(fs.Crash(rng)); err != nil {
						t.Fatalf("%s failed (forever: %v), then a power cut: %v", failed, forever, err)
					}
				}
				if broke && l.done < number {
					break // the numbers of this test have no gaps
				}
			}
			if failed == "" {
				break
			}
		}
	}
}

// A Quarantine that is cut short has not lost the file.
func TestAPowerCutLosesNothingOnTheWayToQuarantine(t *testing.T) {
	fs := vfs.NewMem()
	mustWrite(t, fs, crashState(1), crashState(2))
	want := content(t, fs, 2)
	rng := rand.New(rand.NewPCG(5, 6))
	cuts := 0
	fs.Before = func(string, string) error {
		for range 20 {
			cuts++
			after := fs.Crash(rng)
			b, err := vfs.ReadAll(after, name(2))
			if err != nil {
				b, err = vfs.ReadAll(after, quarantineDir+"/checkpoint-"+base(2))
			}
			if err != nil || string(b) != string(want) {
				t.Fatalf("%d bytes of %d are left: %v", len(b), len(want), err)
			}
		}
		return nil
	}
	if _, err := Quarantine(fs, 2); err != nil {
		t.Fatal(err)
	}
	if cuts == 0 {
		t.Error("the power was never cut")
	}
}

// Each operation of what removes and moves files fails in turn: that is said, and no checkpoint is lost.
func TestAFailedRemovalIsSaidAndLosesNoCheckpoint(t *testing.T) {
	broken := errors.New("input/output error")
	for what, do := range map[string]func(fs vfs.FS) error{
		"Keep":            func(fs vfs.FS) error { return Keep(fs, 1) },
		"RemoveLeftovers": RemoveLeftovers,
		"Quarantine":      func(fs vfs.FS) error { _, err := Quarantine(fs, 1); return err },
		"List":            func(fs vfs.FS) error { _, err := List(fs); return err },
	} {
		for k := 1; ; k++ {
			fs := vfs.NewMem()
			mustWrite(t, fs, crashState(1), crashState(2))
			if _, err := Create(fs, Header{ID: testID, Number: 3}); err != nil {
				t.Fatal(err)
			}
			ops, failed := 0, ""
			fs.Before = func(op, name string) error {
				if ops++; ops == k {
					failed = op + " " + name
					return broken
				}
				return nil
			}
			err := do(fs)
			fs.Before = nil
			listed := what == "List" && failed != "list "+dir // what cannot be read is said in its line
			if (failed != "") != errors.Is(err, broken) && !listed {
				t.Fatalf("%s: %s failed, and it said %v", what, failed, err)
			}
			if got, err := read(fs, 2); err != nil || !got.equal(crashState(2)) {
				t.Fatalf("%s: %s failed, and then: %v", what, failed, err)
			}
			if failed == "" {
				break
			}
		}
	}
}
