package main

import (
	"math"
	"os"
	"strings"
	"testing"
)

func TestParseCSVReadsTheFigures(t *testing.T) {
	s, err := parseCSV(`"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
"XADD bench * a b","877193.00","0.853","0.192","0.871","1.015","1.127","1.287"
`, 0.5)
	if err != nil || s != (sample{perSecond: 877193, p50: 0.871, p99: 1.127, clientCPU: 0.5}) {
		t.Errorf("%+v, %v", s, err)
	}
	for _, broken := range []string{"", "Could not connect", `"test"` + "\n" + `"a","b"`, "a,b\n1,x,2,3,4,5,6,7"} {
		if _, err := parseCSV(broken, 0); err == nil {
			t.Errorf("%q is taken for figures", broken)
		}
	}
}

func TestMedianIsTheMiddle(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{1, 9}, 5}, {[]float64{9, 1, 4}, 4}, {[]float64{4, 1, 9, 5}, 4.5}} {
		if got := median(c.values); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.values, got, c.want)
		}
	}
}

func TestServersTakeTurns(t *testing.T) {
	if a, b := turn(0), turn(1); a[0] == b[0] || a[0] != b[1] {
		t.Errorf("rounds 0 and 1 run %v and %v", a, b)
	}
}

func TestCPUTimeAndMemoryOfThisProcessAreRead(t *testing.T) {
	for before, err := cpuTime(os.Getpid()); ; {
		now, err2 := cpuTime(os.Getpid())
		if err != nil || err2 != nil || math.IsNaN(now) {
			t.Fatal(err, err2, now)
		}
		if now > before { // spins for a hundredth of a second
			break
		}
	}
	if n, err := rss(os.Getpid()); err != nil || n < 1<<20 {
		t.Errorf("rss is %v, %v", n, err)
	}
}

func TestTheReportSaysWhatWasMissed(t *testing.T) {
	res := result{row: rows[0], requests: 1000, samples: map[string][]sample{
		redis: {{perSecond: 100, serverCPU: 1e-6}, {perSecond: 110, serverCPU: 1e-6}},
		weir:  {{perSecond: 180, serverCPU: 9e-7}, {perSecond: 200, serverCPU: 9e-7}}}}
	h := &longStream{entries: 10, rss: map[string][]float64{redis: {100, 90}, weir: {130, 80}},
		used: map[string][]float64{redis: {1, 1}, weir: {1, 1}}, restart: map[string][]float64{redis: {1}, weir: {1}}}
	var b strings.Builder
	if err := (report{options: options{rounds: 2}, results: []result{res}, long: h}).write(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"**1.81**", "throughput ≥ 1.70x: reached (goal 2.5x: **missed**); CPU ≤ 0.67x: **missed**",
		"| 10 | 13 | **1.30** | ≤ 1.2x: **missed** |", "weir, requests/s | 180, 200 |", "'*' sensor"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, &b)
		}
	}
}

func TestQuantileIsTheNearestRank(t *testing.T) {
	values := []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	for q, want := range map[float64]float64{0: 1, 0.5: 5, 0.51: 6, 0.99: 10, 1: 10} {
		if got := quantile(values, q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if quantile(nil, 0.5) != 0 {
		t.Error("nothing has a median")
	}
}

func TestTheReportHasPendingEntriesAndBlockedClients(t *testing.T) {
	p := &pending{entries: 100,
		memory: map[string][]*footprint{
			redis: {{name: "scattered", pending: 10, rss: 800, used: 850}},
			weir:  {{name: "scattered", pending: 10, rss: 100, used: 170, target: scatteredTarget}}},
		lookups: map[string][]*lookup{
			redis: {{name: "XACK", many: 2e-6, few: 1e-6}},
			weir:  {{name: "XACK", many: 2.1e-6, few: 1e-6}}}}
	w := wakes(0.5)[1]
	w.samples = map[string][]wakeSample{
		redis: {{woken: woken{P50: 0.1, P99: 0.2, Max: 3}, perClient: 6000}},
		weir:  {{woken: woken{P50: 0.1, P99: 5.1, Max: 9}, perClient: 2600}}}
	var b strings.Builder
	if err := (report{options: options{rounds: 1}, pending: p, wakes: []*wake{w}}).write(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| scattered | 10 | 80.0 | 10.0 | **0.12** | 85.0 | 17.0 | ≤ 16: **missed** |",
		"| XACK | 1.00 | 2.00 | 2.00 | 1.00 | 2.10 | **2.10** | ≤ 2: **missed** |",
		"10000 clients of one process blocked on 1000 streams by `XREADGROUP", "p99 < 5 ms: **missed**", "| p99, ms | 0.20 | 5.10 | 0.20 | 5.10 |"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, &b)
		}
	}
}

func TestWakeUpsAreCountedBeforehand(t *testing.T) {
	for _, scale := range []float64{0.02, 0.5, 1} {
		read, groups := wakes(scale)[0], wakes(scale)[1]
		if read.wakeups() != 10*read.xadds() || groups.wakeups() != groups.xadds() || read.clients != 10*read.streams {
			t.Errorf("scale %v: %d and %d wake-ups of %d XADDs", scale, read.wakeups(), groups.wakeups(), read.xadds())
		}
	}
}

func TestIDsAreParsedAndWritten(t *testing.T) {
	for text, want := range map[string]entryID{"0-0": {}, "1700000000000-12": {1700000000000, 12}} {
		if got, err := parseID([]byte(text)); err != nil || got != want || got.String() != text {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, bad := range []string{"", "1", "1-", "-1", "a-b"} {
		if _, err := parseID([]byte(bad)); err == nil {
			t.Errorf("%q is taken for an ID", bad)
		}
	}
}
