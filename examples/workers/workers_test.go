package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestMain lets the processes that the example starts be the example, not its
// tests.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-worker" {
		main()
		return
	}
	os.Exit(m.Run())
}

func example() options { return options{stream: "jobs", jobs: 300, minIdle: time.Second} }

// TestTheOthersDoWhatTheKilledWorkerHeld runs the example as a newcomer does,
// with a broker of its own. The numbers differ from run to run, the sums do not.
func TestTheOthersDoWhatTheKilledWorkerHeld(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), example(), &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(readme), "```text\n")
	shown, _, _ = strings.Cut(shown, "```")
	if got, want := shape(out.String()), shape(shown); got != want || want == "" {
		t.Errorf("it prints\n%swhere its README shows\n%s", &out, shown)
	}
	var held, done, claimed, pending int
	killed := regexp.MustCompile(`(?m)^killed (\w+), .* held (\d+) jobs$`).FindStringSubmatch(out.String())
	all := regexp.MustCompile(`(?m)^all +(\d+) +(\d+) +(\d+)$`).FindStringSubmatch(out.String())
	if killed == nil || all == nil {
		t.Fatalf("no sums in\n%s", &out)
	}
	if _, err := fmt.Sscan(strings.Join(append(killed[2:], all[1:]...), " "), &held, &done, &claimed, &pending); err != nil {
		t.Fatal(err)
	}
	if held == 0 || done < 300 || claimed == 0 || pending != 0 {
		t.Errorf("held %d, done %d, claimed %d, pending %d in\n%s", held, done, claimed, pending, &out)
	}
	if note := regexp.MustCompile(`(?m)^(\w+) .* killed$`).FindStringSubmatch(out.String()); note == nil || note[1] != killed[1] {
		t.Errorf("%s was killed, and the table shows otherwise:\n%s", killed[1], &out)
	}
}

var (
	words  = regexp.MustCompile(`\b(ann|bob|carol)\b`)
	digits = regexp.MustCompile(` *\b\d+\b`)
	note   = regexp.MustCompile(`  killed\b`)
)

// shape is a text without what differs from run to run.
func shape(s string) string {
	s = note.ReplaceAllString(s, "")
	s = words.ReplaceAllString(s, "<name>")
	s = regexp.MustCompile(`<name> +`).ReplaceAllString(s, "<name> ")
	return digits.ReplaceAllString(s, " <n>")
}

// testBroker is a broker that outlives one run of the example.
func testBroker(t *testing.T) *ownBroker {
	t.Helper()
	own, err := startBroker()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := own.stop(); err != nil {
			t.Error(err)
		}
	})
	return own
}

func TestAStreamWithAPastIsLeftAlone(t *testing.T) {
	o := example()
	o.addr = testBroker(t).addr
	c := connect(o.addr)
	defer func() { _ = c.Close() }()
	if err := c.XGroupCreateMkStream(t.Context(), o.stream, group, "0").Err(); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), o, new(strings.Builder)); err == nil || !strings.Contains(err.Error(), "BUSYGROUP") {
		t.Errorf("%v", err)
	}
}

// TestTheChecksSeeWhatTheyAreFor feeds them reports of brokers that are wrong.
func TestTheChecksSeeWhatTheyAreFor(t *testing.T) {
	good := func() *report {
		return &report{
			jobs:    []string{"1-0", "2-0", "3-0"},
			results: []result{{"1-0", "ann", false}, {"2-0", "bob", false}, {"2-0", "ann", true}, {"3-0", "carol", true}},
			pending: map[string]int64{"ann": 0, "bob": 0, "carol": 0},
		}
	}
	if err := good().check(3, "bob", "2-0"); err != nil {
		t.Errorf("a good report: %v", err)
	}
	for want, spoil := range map[string]func(*report){
		"job 1-0 was lost":                          func(r *report) { r.results = r.results[1:] },
		"job 2-0 was done 2 times without a claim":  func(r *report) { r.results[2].claimed = false },
		"job 9-0 was done and never produced":       func(r *report) { r.results = append(r.results, result{"9-0", "ann", false}) },
		"had job 2-0 when it was killed":            func(r *report) { r.results = slices.Delete(r.results, 2, 3) },
		"carol has 1 jobs left pending":             func(r *report) { r.pending["carol"] = 1 },
		"3 jobs were produced, and 2 are in the st": func(r *report) { r.jobs = r.jobs[:2] },
	} {
		r := good()
		spoil(r)
		if err := r.check(3, "bob", "2-0"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("wanted %q, got %v", want, err)
		}
	}
}
