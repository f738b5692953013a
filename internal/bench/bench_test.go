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
	h := &history{entries: 10, rss: map[string][]float64{redis: {100, 90}, weir: {130, 80}},
		used: map[string][]float64{redis: {1, 1}, weir: {1, 1}}, restart: map[string][]float64{redis: {1}, weir: {1}}}
	var b strings.Builder
	if err := (report{options: options{rounds: 2}, results: []result{res}, history: h}).write(&b); err != nil {
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
