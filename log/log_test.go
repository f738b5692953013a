package log

import (
	"context"
	"fmt"
	"testing"
)

// open opens a log in dir and fails the test when it cannot.
func open(t testing.TB, o Options) *Log {
	t.Helper()
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// records replays everything after from.
func records(t testing.TB, l *Log, from Position) []string {
	t.Helper()
	var got []string
	if err := l.Replay(from, func(_ Position, _ int64, r []byte) error {
		got = append(got, string(r))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

func mustCommit(t testing.TB, l *Log) {
	t.Helper()
	if err := l.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func numbered(n int) []string {
	var want []string
	for i := range n {
		want = append(want, fmt.Sprintf("record %d", i))
	}
	return want
}

func equal(t testing.TB, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("record %d is %q, want %q", i, got[i], want[i])
		}
	}
}

func TestRecordsComeBackInOrderAfterACleanShutdown(t *testing.T) {
	for _, s := range []Sync{SyncAlways, SyncEverySecond, SyncNo} {
		t.Run(s.String(), func(t *testing.T) {
			o := Options{Dir: t.TempDir(), Sync: s, SegmentBytes: 1000}
			want := numbered(300)
			for start := 0; start < 300; start += 100 {
				l := open(t, o)
				equal(t, records(t, l, 0), want[:start])
				for i, r := range want[start : start+100] {
					p := l.Append([]byte(r))
					if p != makePosition(1, uint64(start+i+1)) {
						t.Fatalf("position %s", p)
					}
					if i%3 == 0 && !l.Commit() {
						mustCommit(t, l)
					}
				}
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				if l.Durable() != l.Last() || l.Written() != l.Last() {
					t.Fatalf("%s %s %s", l.Last(), l.Written(), l.Durable())
				}
			}
			l := open(t, o)
			equal(t, records(t, l, 0), want)
			equal(t, records(t, l, makePosition(1, 150)), want[150:])
			r, err := Verify(o.Dir)
			if err != nil || r.Records != 300 {
				t.Fatalf("%+v %v", r, err)
			}
		})
	}
}
