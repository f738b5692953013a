package main

// workload is what is sent to a server in one round of a row.
type workload interface {
	// prepare fills the empty server as run of so many requests wants it.
	prepare(addr string, requests int) error
	// run sends the requests and says how it went; the server's CPU time is for
	// the caller to find.
	run(addr string, requests int) (sample, error)
	// line says what was sent, in Markdown.
	line(requests int) string
}

// row is one workload, and what the project wants of it.
type row struct {
	name     string
	sync     string // of both servers
	load     workload
	requests int // as the workload counts them: commands, or pairs of them
	// What is to be reached: throughput at least so many times Redis's, server
	// CPU time per request at most so many times Redis's. 0 is no target.
	throughput, goal float64
	cpu              float64
}

// xadd appends an entry of three fields of about 20 bytes, one of them different
// in each entry.
var xadd = []string{"XADD", "bench", "*",
	"sensor", "site-north-000000042", "reading", "__rand_int__-celsius", "operator", "operator-00000000007"}

var (
	ping   = []string{"PING"}
	xlen   = []string{"XLEN", "bench"}
	xrange = []string{"XRANGE", "bench", "-", "+", "COUNT", "100"}
	xread  = []string{"XREAD", "COUNT", "100", "STREAMS", "bench", "0"}
)

var rows = []row{
	{name: "xadd always p16", sync: "always", load: load{50, 16, xadd, 0}, requests: 1_000_000, throughput: 1.7, goal: 2.5, cpu: 1 / 1.5},
	{name: "xadd always p1", sync: "always", load: load{50, 1, xadd, 0}, requests: 150_000, throughput: 0.9, goal: 1.2},
	{name: "xadd always alone", sync: "always", load: load{1, 1, xadd, 0}, requests: 20_000, throughput: 0.85, goal: 1.0},
	{name: "xadd everysec p16", sync: "everysec", load: load{50, 16, xadd, 0}, requests: 2_000_000, throughput: 1.5, goal: 2, cpu: 1 / 1.5},
	{name: "xadd everysec p1", sync: "everysec", load: load{50, 1, xadd, 0}, requests: 200_000, throughput: 0.9, goal: 1.1},
	{name: "ping p1", sync: "always", load: load{50, 1, ping, 0}, requests: 300_000, throughput: 1},
	{name: "xlen p1", sync: "always", load: load{50, 1, xlen, 1000}, requests: 300_000, throughput: 1},
	{name: "xrange 100", sync: "always", load: load{50, 1, xrange, 100_000}, requests: 60_000, cpu: 1 / 1.2},
	{name: "xread 100", sync: "always", load: load{50, 1, xread, 100_000}, requests: 60_000, cpu: 1 / 1.2},
	{name: "group 100 everysec", sync: "everysec", load: workers{8, 100}, requests: 20_000, throughput: 1.5},
	{name: "group 100 always", sync: "always", load: workers{8, 100}, requests: 20_000, throughput: 2},
	{name: "group 1 everysec", sync: "everysec", load: workers{50, 1}, requests: 150_000, throughput: 0.9, goal: 1.1},
}

// rssTarget is how many bytes an entry of the long stream may take, times those of Redis.
const rssTarget = 1.2
