package server

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// fields returns the names of an INFO reply, section headings included, without the lines that depend on what ran.
func fields(reply string) []string {
	var names []string
	for line := range strings.SplitSeq(reply, "\r\n") {
		name, _, _ := strings.Cut(line, ":")
		if name != "" && !strings.HasPrefix(name, "cmdstat_") && !strings.HasPrefix(name, "errorstat_") {
			names = append(names, name)
		}
	}
	return names
}

func (c *client) info(t *testing.T, line string) string {
	t.Helper()
	c.do(t, line)
	_, text, found := strings.Cut(string(c.out.Bytes()), "\r\n")
	if !found {
		t.Fatal("not a bulk string")
	}
	return strings.TrimSuffix(text, "\r\n")
}

// testdata/info-7.0.15.txt is the names of INFO EVERYTHING of redis-server 7.0.15, in order, made by
// redis-cli info everything | tr -d '\r' | sed 's/:.*//' without cmdstat_, latency_ and db0 lines.
func TestInfoHasEveryFieldOfRedisInItsOrder(t *testing.T) {
	text, err := os.ReadFile("testdata/info-7.0.15.txt")
	if err != nil {
		t.Fatal(err)
	}
	got := fields(newClient().info(t, "INFO everything"))
	at := 0
	for _, name := range strings.Fields(strings.ReplaceAll(string(text), "# ", "#")) {
		name = strings.Replace(name, "#", "# ", 1)
		if name == "# Latencystats" {
			continue // no latencies are kept per command
		}
		i := slices.Index(got[at:], name)
		if i < 0 {
			t.Fatalf("%s is missing, or not after %s", name, got[max(at-1, 0)])
		}
		at += i + 1
	}
}

func TestInfoShowsTheSectionsThatAreAskedFor(t *testing.T) {
	c := newClient()
	headings := func(line string) string {
		var h []string
		for _, name := range fields(c.info(t, line)) {
			if section, found := strings.CutPrefix(name, "# "); found {
				h = append(h, section)
			}
		}
		return strings.Join(h, " ")
	}
	const standard = "Server Clients Memory Persistence Stats Replication CPU Modules Errorstats Cluster Keyspace"
	everything := strings.Replace(standard, "Errorstats", "Commandstats Errorstats", 1)
	for line, want := range map[string]string{
		"INFO": standard, "INFO default": standard, "INFO ALL": everything, "INFO everything": everything,
		"INFO keyspace CPU foo keyspace": "CPU Keyspace", "INFO foo": "", "INFO default commandstats": everything,
	} {
		if got := headings(line); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}

func TestInfoShowsWhatTheHostMeasured(t *testing.T) {
	c := newClient()
	c.host.info = Info{
		RunID: "r", ConnectedClients: 3, UsedMemory: 3 << 20, UsedMemoryRSS: 6 << 20, LogWriteOK: true, Loading: true,
		LoadTotalBytes: 200, LoadLoadedBytes: 50, Errors: map[string]uint64{"WRONGTYPE": 2, "ERR": 7},
		Databases: []Database{{Number: 0, Keys: 5}, {Number: 9, Keys: 1, Expires: 1, AverageTTL: 10}},
	}
	m := &c.host.table.Lookup([]byte("xinfo")).Lookup([]byte("stream")).Metrics
	m.Calls, m.Nanos, m.Rejected, m.Failed = 2, 7000, 1, 1
	text := c.info(t, "INFO everything")
	for _, want := range []string{
		"\r\nconnected_clients:3\r\n", "\r\nused_memory:3145728\r\nused_memory_human:3.00M\r\n", "\r\nmem_fragmentation_ratio:2.00\r\n",
		"\r\nloading:1\r\n", "\r\nloading_loaded_perc:25.00\r\n", "\r\naof_last_write_status:ok\r\n", "\r\nredis_version:7.0.15\r\n",
		"\r\ncmdstat_xinfo|stream:calls=2,usec=7,usec_per_call=3.50,rejected_calls=1,failed_calls=1\r\n",
		"\r\nerrorstat_ERR:count=7\r\nerrorstat_WRONGTYPE:count=2\r\n",
		"\r\ndb0:keys=5,expires=0,avg_ttl=0\r\ndb9:keys=1,expires=1,avg_ttl=10\r\n", "\r\n\r\n# Clients\r\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing", want)
		}
	}
	c.out.SetProtocol(3)
	c.do(t, "INFO cluster")
	if got := string(c.out.Bytes()); got != "=34\r\ntxt:# Cluster\r\ncluster_enabled:0\r\n\r\n" {
		t.Errorf("%q", got)
	}
}

func TestHumanBytesHaveTwoDecimalsFromAKilobyteOn(t *testing.T) {
	for n, want := range map[int64]string{0: "0B", 1023: "1023B", 1024: "1.00K", 941112: "919.05K", 25276514304: "23.54G", 1 << 50: "1.00P"} {
		if got := humanBytes(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
