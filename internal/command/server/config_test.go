package server

import (
	"errors"
	"testing"
)

// withSettings gives the host one setting of each kind.
func withSettings() (c *client, timeout, bulk *int64) {
	c = newClient()
	timeout, bulk = new(int64), new(int64)
	*bulk = 512 << 20
	mode, protected := "always", true
	get := func(p *int64) func() int64 { return func() int64 { return *p } }
	set := func(p *int64) func(int64) error { return func(v int64) error { *p = v; return nil } }
	sync := Enum("sync", []string{"always", "everysec", "no"}, func() string { return mode }, func(v string) error { mode = v; return nil })
	sync.Alias = "appendfsync"
	c.host.settings = []Setting{
		Constant("port", "6379"), Protected("dir", "/data"), sync,
		Integer("timeout", 0, 1000, get(timeout), set(timeout)),
		Memory("proto-max-bulk-len", 1<<20, 1<<62, get(bulk), set(bulk)),
		Bool("protected-mode", func() bool { return protected }, func(v bool) error { protected = v; return nil }),
		Text("requirepass", func() string { return "" }, func(string) error { return errors.New("the reason") }),
	}
	return c, timeout, bulk
}

func TestConfigGetShowsEachSettingOnceAsItWasFound(t *testing.T) {
	c, _, _ := withSettings()
	c.expect(t,
		exchange{"CONFIG GET TIMEOUT timeout tim*", "*2 $7 TIMEOUT $1 0"},
		exchange{"CONFIG GET nope", "*0"}, exchange{"CONFIG GET nope*", "*0"},
		exchange{"CONFIG GET *SYNC", "*4 $4 sync $6 always $11 appendfsync $6 always"},
		exchange{"CONFIG GET appendfsync port", "*4 $11 appendfsync $6 always $4 port $4 6379"},
	)
	c.out.SetProtocol(3)
	c.expect(t, exchange{"CONFIG GET por?", "%1 $4 port $4 6379"})
}

func TestConfigSetRefusesInTheWordsOfRedis(t *testing.T) {
	c, _, _ := withSettings()
	failed := func(name, why string) string {
		return "ERR CONFIG SET failed (possibly related to argument '" + name + "') - " + why
	}
	c.expect(t,
		exchange{"CONFIG SET", "ERR wrong number of arguments for 'config|set' command"},
		exchange{"CONFIG SET timeout 1 port", "ERR syntax error"},
		exchange{"CONFIG SET nope 1", "ERR Unknown option or number of arguments for CONFIG SET - 'nope'"},
		exchange{"CONFIG SET port 1", failed("port", "can't set immutable config")},
		exchange{"CONFIG SET Dir /", failed("Dir", "can't set protected config")},
		exchange{"CONFIG SET TIMEOUT 1 TIMEOUT 2", failed("TIMEOUT", "duplicate parameter")},
		exchange{"CONFIG SET TIMEOUT x", failed("timeout", "argument couldn't be parsed into an integer")},
		exchange{"CONFIG SET timeout 1001", failed("timeout", "argument must be between 0 and 1000 inclusive")},
		exchange{"CONFIG SET proto-max-bulk-len 1tb", failed("proto-max-bulk-len", "argument must be a memory value")},
		exchange{"CONFIG SET protected-mode 1", failed("protected-mode", "argument must be 'yes' or 'no'")},
		exchange{"CONFIG SET appendfsync x", failed("appendfsync", "argument(s) must be one of the following: always, everysec, no")},
		exchange{"CONFIG SET requirepass x", failed("requirepass", "the reason")},
	)
}

func TestConfigSetChangesAllOrNothing(t *testing.T) {
	c, timeout, bulk := withSettings()
	c.expect(t, exchange{"CONFIG SET timeout 5 proto-max-bulk-len 2mb SYNC No", "+OK"}, exchange{"CONFIG GET sync", "*2 $4 sync $2 no"})
	if *timeout != 5 || *bulk != 2<<20 {
		t.Errorf("%d %d", *timeout, *bulk)
	}
	if got := c.do(t, "CONFIG SET timeout 7 sync always proto-max-bulk-len 3mb requirepass x"); got == "+OK" {
		t.Error(got)
	}
	c.expect(t, exchange{"CONFIG GET sync", "*2 $4 sync $2 no"})
	if *timeout != 5 || *bulk != 2<<20 {
		t.Errorf("a refused CONFIG SET left %d %d", *timeout, *bulk)
	}
}

func TestConfigSetNamesWhatItCouldNotSetBack(t *testing.T) {
	c, _, _ := withSettings()
	sticky := "old"
	c.host.settings = append(c.host.settings, Text("sticky", func() string { return sticky }, func(v string) error {
		if v == "old" {
			return errors.New("no way back")
		}
		sticky = v
		return nil
	}))
	c.expect(t, exchange{"CONFIG SET sticky new requirepass x",
		"ERR CONFIG SET failed (possibly related to argument 'requirepass') - the reason; still changed: sticky"})
}

func TestResetStatZeroesTheTableAndTheHost(t *testing.T) {
	c, _, _ := withSettings()
	xlen := c.host.table.Lookup([]byte("xlen"))
	xlen.Metrics.Calls = 3
	sub := c.host.table.Lookup([]byte("config")).Lookup([]byte("get"))
	sub.Metrics.Failed = 4
	c.expect(t, exchange{"CONFIG RESETSTAT", "+OK"})
	if xlen.Metrics.Calls != 0 || sub.Metrics.Failed != 0 || c.host.resets != 1 {
		t.Errorf("%+v %+v %d", xlen.Metrics, sub.Metrics, c.host.resets)
	}
}

func TestRewriteIsRefusedWithAReason(t *testing.T) {
	c, _, _ := withSettings()
	c.expect(t, exchange{"CONFIG REWRITE", "ERR The server is running without a config file"})
	c.host.info.ConfigFile = "/etc/weir/weir.yaml"
	c.expect(t, exchange{"CONFIG REWRITE", "ERR The configuration file is not rewritten: put what CONFIG SET has changed into it by hand, or give it as a flag"})
}

func TestMemoryUnitsAreThoseOfRedis(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "12": 12, "12b": 12, "1k": 1000, "1kb": 1024, "1KB": 1024, "2m": 2_000_000, "2Mb": 2 << 20, "3g": 3_000_000_000, "3gb": 3 << 30,
	} {
		if got, ok := ParseMemory(text); !ok || got != want {
			t.Errorf("%s: %d %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "mb", "1tb", "1.5gb", "x", "1 mb", "9999999999gb", "1mb1", "-"} {
		if got, ok := ParseMemory(text); ok {
			t.Errorf("%q: %d", text, got)
		}
	}
}
