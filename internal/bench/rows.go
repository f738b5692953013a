package main

// row is one workload, and what the project wants of it.
type row struct {
	name     string
	sync     string // of both servers
	load     load
	requests int
	preload  int // entries that the stream has before
	// What is to be reached: throughput at least so many times Redis's, server
	// CPU time per command at most so many times Redis's. 0 is no target.
	throughput, goal float64
	cpu              float64
}

// xadd appends an entry of three fields of about 20 bytes, one of them different
// in each entry.
var xadd = []string{"XADD", "bench", "*",
	"sensor", "site-north-000000042", "reading", "__rand_int__-celsius", "operator", "operator-00000000007"}

var rows = []row{
	{name: "xadd always p16", sync: "always", load: load{50, 16, xadd}, requests: 1_000_000, throughput: 1.7, goal: 2.5, cpu: 1 / 1.5},
	{name: "xadd always p1", sync: "always", load: load{50, 1, xadd}, requests: 150_000, throughput: 0.9, goal: 1.2},
	{name: "xadd always alone", sync: "always", load: load{1, 1, xadd}, requests: 20_000, throughput: 0.85, goal: 1.0},
	{name: "xadd everysec p16", sync: "everysec", load: load{50, 16, xadd}, requests: 2_000_000, throughput: 1.5, goal: 2, cpu: 1 / 1.5},
	{name: "xadd everysec p1", sync: "everysec", load: load{50, 1, xadd}, requests: 200_000, throughput: 0.9, goal: 1.1},
	{name: "ping p1", sync: "always", load: load{50, 1, []string{"PING"}}, requests: 300_000, throughput: 1},
	{name: "xlen p1", sync: "always", load: load{50, 1, []string{"XLEN", "bench"}}, requests: 300_000, preload: 1000, throughput: 1},
	{name: "xrange 100", sync: "always", load: load{50, 1, []string{"XRANGE", "bench", "-", "+", "COUNT", "100"}}, requests: 60_000, preload: 100_000, cpu: 1 / 1.2},
	{name: "xread 100", sync: "always", load: load{50, 1, []string{"XREAD", "COUNT", "100", "STREAMS", "bench", "0"}}, requests: 60_000, preload: 100_000, cpu: 1 / 1.2},
}

// Of the stream with many entries.
const (
	rssTarget    = 1.2       // bytes per entry, times Redis's, at most
	replayTarget = 1_500_000 // entries a second, at least
)
