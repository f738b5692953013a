package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestTheReportOfHistoryHidesNoMiss(t *testing.T) {
	good, bad := &chapter{title: "append"}, &chapter{title: "start", err: errors.New("it | broke\nwith details")}
	good.found("peak RSS", "< 512 MB", "600 MB", false)
	good.noted("events/s", "1")
	good.say("how it was measured")
	h := &history{options: options{rows: regexp.MustCompile("a|s"), rounds: 2, weir: "weir"}, events: 20_000, work: t.TempDir()}
	text := h.report([]*chapter{good, bad}, 3<<30)
	for _, want := range []string{"-events 20000 -rounds 2 -rows 'a|s'", "3.00 GB free", "| peak RSS | < 512 MB | 600 MB | **missed** |\n", "| events/s |  | 1 |  |\n",
		"| start | | it \\| broke | **failed** |\n", "## Append\n\nhow it was measured", "it | broke\nwith details"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
}

func TestDiskSpaceIsCountedByWhatItIsFor(t *testing.T) {
	dir := t.TempDir()
	for name, size := range map[string]int{"log/1/1": 7000, "log/2/1": 3000, "segments/1": 50_000, "segments/2": 1, "checkpoints/1": 8192, "VERSION": 3} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, make([]byte, size), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	u, err := usageOf(dir)
	if err != nil || u.log < 10_000 || u.log > 20_000 || u.segments < 50_001 || u.segments > 80_000 || u.checkpoints < 8192 || u.rest < 3 || u.total() != u.log+u.segments+u.checkpoints+u.rest {
		t.Errorf("%+v, %v", u, err)
	}
	if name, err := newestGeneration(dir); name != "2" || err != nil {
		t.Errorf("the newest generation is %q, %v", name, err)
	}
	one, err1 := logSince(dir, "1")
	two, err2 := logSince(dir, "2")
	if two < 3000 || two > 7000 || one != u.log || errors.Join(err1, err2) != nil {
		t.Errorf("%v bytes of log since generation 1, %v since 2: %v, %v", one, two, err1, err2)
	}
}

func TestBenchmarksAreReadFromTheOutputOfGoTest(t *testing.T) {
	names, times := parseBenchmarks("goos: linux\nBenchmarkCopyGroup-2   \t 100\t 1500 ns/op\t 3 B/op\nBenchmarkCopyStream-2 7 2.5e+06 ns/op\nBenchmarkCopyGroup-2 100 1700 ns/op\nPASS\n")
	if strings.Join(names, " ") != "BenchmarkCopyGroup-2 BenchmarkCopyStream-2" || median(times[names[0]]) != 1600 || median(times[names[1]]) != 2.5e6 {
		t.Errorf("%v, %v", names, times)
	}
}

func TestWhatBoundsAReplayIsNamed(t *testing.T) {
	for want, b := range map[string]bounds{
		"the server's CPU": {server: 0.95, client: 0.3}, "the client's CPU": {server: 0.5, client: 0.9},
		"client and server take turns: one connection, one request at a time": {server: 0.6, client: 0.35},
		"the disk, in turns with client and server":                           {server: 0.3, client: 0.2, disk: 200 << 20},
		"waiting, also for cores that others use":                             {server: 0.1, client: 0.1}} {
		if got := b.what(); got != want {
			t.Errorf("%+v: %s, want %s", b, got, want)
		}
	}
}
