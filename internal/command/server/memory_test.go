package server

import (
	"strings"
	"testing"

	"github.com/weirmq/weir/stream"
)

func TestMemoryUsageIsThatOfTheKeyWithItsValue(t *testing.T) {
	c := newClient()
	c.expect(t,
		exchange{"MEMORY USAGE s", "$-1"},
		exchange{"MEMORY USAGE s SAMPLES", "ERR syntax error"},
		exchange{"MEMORY USAGE s SAMPLES x", "ERR value is not an integer or out of range"},
		exchange{"MEMORY USAGE s SAMPLES -1", "ERR syntax error"},
		exchange{"MEMORY USAGE s SAMPLES 0 5", "ERR syntax error"},
		exchange{"MEMORY USAGE s NUMBERS 5", "ERR syntax error"},
		exchange{"MEMORY USAGE s SAMPLES 5 samples 0", "$-1"},
	)
	usage := func(want int) {
		t.Helper()
		var n int
		for _, d := range strings.TrimPrefix(c.do(t, "MEMORY USAGE s"), ":") {
			n = 10*n + int(d-'0')
		}
		if n < want || n > want+2000 {
			t.Errorf("%d bytes, want some more than %d", n, want)
		}
	}
	c.tx.StreamAppend([]byte("s"), stream.ID{MS: 1}, [][]byte{[]byte("f"), []byte("v")})
	usage(300)
	c.tx.StreamAppend([]byte("s"), stream.ID{MS: 2}, [][]byte{[]byte("f"), make([]byte, 50_000)})
	usage(50_000)
	c.tx.GroupCreate([]byte("s"), make([]byte, 10_000), stream.MinID, 0)
	usage(60_000)
}

func TestMemoryStatsHaveRedissNamesInItsOrderAndThenOurs(t *testing.T) {
	const redis = "peak.allocated total.allocated startup.allocated replication.backlog clients.slaves clients.normal cluster.links " +
		"aof.buffer lua.caches functions.caches overhead.total keys.count keys.bytes-per-key dataset.bytes dataset.percentage " +
		"peak.percentage allocator.allocated allocator.active allocator.resident allocator-fragmentation.ratio " +
		"allocator-fragmentation.bytes allocator-rss.ratio allocator-rss.bytes rss-overhead.ratio rss-overhead.bytes fragmentation " +
		"fragmentation.bytes"
	c := newClient()
	c.out.SetProtocol(3)
	c.host.info = Info{
		UsedMemory: 1000, UsedMemoryStartup: 200, StreamMemory: 300, CacheMemory: 80, HeldMemory: 20, StreamDisk: 5000,
		Databases: []Database{{Number: 0, Keys: 3}, {Number: 2, Keys: 1}},
	}
	reply := strings.Fields(c.do(t, "MEMORY STATS"))
	if reply[0] != "%34" {
		t.Errorf("the reply begins with %s", reply[0])
	}
	values := map[string]string{}
	var names []string
	for i := 1; i+2 < len(reply); i += 3 { // $length name value
		names = append(names, reply[i+1])
		values[reply[i+1]] = reply[i+2]
	}
	if got := strings.Join(names, " "); !strings.HasPrefix(got, redis+" streams.memory ") {
		t.Errorf("names: %s", got)
	}
	for name, want := range map[string]string{
		"peak.allocated": ":1000", "overhead.total": ":600", "keys.count": ":4", "keys.bytes-per-key": ":200", "dataset.bytes": ":400",
		"dataset.percentage": ",50", "peak.percentage": ",100", "streams.memory": ":300", "streams.disk": ":5000", "streams.held": ":20",
	} {
		if values[name] != want {
			t.Errorf("%s is %s, want %s", name, values[name], want)
		}
	}
}

func TestMemoryDoctorNamesWhatStandsOut(t *testing.T) {
	c := newClient()
	c.expect(t, exchange{"MEMORY DOCTOR", "$20 Nothing stands out.\n"})
	const gb = 1 << 30
	for word, i := range map[string]Info{
		"no space":             {UsedMemory: gb, StreamBacklog: gb, SpillError: "no space"},
		"1.00G of full blocks": {UsedMemory: gb, StreamBacklog: gb},
		"lower stream-block":   {UsedMemory: gb, StreamMemory: gb},
		"CLIENT LIST":          {UsedMemory: gb, ClientsMemory: gb},
		"the disk is slow":     {UsedMemory: gb, LogPendingMemory: gb},
		"higher stream-cache":  {UsedMemory: gb, CacheMisses: 100_000, CacheHits: 1},
		"MEMORY PURGE":         {UsedMemory: gb, UsedMemoryRSS: 3 * gb},
		"Nothing stands out":   {UsedMemory: gb, StreamMemory: gb / 10, UsedMemoryRSS: gb, CacheMisses: 5},
	} {
		c.host.info = i
		if got := c.do(t, "MEMORY DOCTOR"); !strings.Contains(got, word) || strings.Count(got, "\n") != 1 {
			t.Errorf("%q lacks %q", got, word)
		}
	}
}

func TestMemoryPurgeBeginsToReleaseMemory(t *testing.T) {
	c := newClient()
	c.expect(t, exchange{"MEMORY PURGE", "+OK"}, exchange{"MEMORY MALLOC-STATS", "$45 Stats not supported for the current allocator"})
	if c.host.released != 1 {
		t.Errorf("released %d times", c.host.released)
	}
}
