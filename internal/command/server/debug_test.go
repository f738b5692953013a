package server

import (
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/command"
)

func TestDebugKnowsWhatTestsUse(t *testing.T) {
	c := newClient()
	const unknown = "ERR unknown subcommand or wrong number of arguments for '%s'. Try DEBUG HELP."
	c.expect(t,
		exchange{"DEBUG SET-ACTIVE-EXPIRE 0", "+OK"},
		exchange{"DEBUG SLEEP x", "+OK"}, exchange{"DEBUG sleep -1", "+OK"}, exchange{"DEBUG SLEEP 0", "+OK"},
		exchange{"DEBUG SLEEP", strings.ReplaceAll(unknown, "%s", "SLEEP")},
		exchange{"DEBUG set-active-expire", strings.ReplaceAll(unknown, "%s", "set-active-expire")},
		exchange{"DEBUG SEGFAULT", strings.ReplaceAll(unknown, "%s", "SEGFAULT")},
	)
	if !c.host.lingering {
		t.Error("keys are deleted in the background")
	}
	c.expect(t, exchange{"DEBUG SET-ACTIVE-EXPIRE 1", "+OK"})
	if c.host.lingering {
		t.Error("keys are not deleted in the background")
	}
}

func TestDebugSleepParksItsOwnSession(t *testing.T) {
	c := newClient()
	for seconds, ms := range map[string]int64{"0.0001": 1, "1.5": 1500, "1e300": 1 << 32 * 1000} {
		call := command.Call{Args: command.Args{[]byte("debug"), []byte("sleep"), []byte(seconds)}, Out: c.out}
		c.out.Reset()
		if err := c.host.table.Lookup([]byte("debug")).Run(&call); err != nil || call.Wait == nil || call.Wait.TimeoutMS != ms || c.out.Len() > 0 {
			t.Errorf("%s: %v, %+v, wrote %q", seconds, err, call.Wait, c.out.Bytes())
			continue
		}
		if call.Wait.Timeout(c.out); string(c.out.Bytes()) != "+OK\r\n" {
			t.Errorf("it answers %q", c.out.Bytes())
		}
	}
}

func TestLolwutShowsARiverIfAsked(t *testing.T) {
	c := newClient()
	c.expect(t, exchange{"LOLWUT", "$18 Redis ver. 7.0.15\n"}, exchange{"LOLWUT VERSION 1", "$18 Redis ver. 7.0.15\n"},
		exchange{"LOLWUT VERSION x", "ERR value is not an integer or out of range"}, exchange{"LOLWUT foo", "$18 Redis ver. 7.0.15\n"})
	call := command.Call{
		Args: command.Args{[]byte("lolwut"), []byte("version"), []byte("5")}, Out: c.out, Random: func(n uint64) uint64 { return n - 1 },
	}
	c.out.Reset()
	if err := c.host.table.Lookup([]byte("lolwut")).Run(&call); err != nil || strings.Count(string(c.out.Bytes()), "\n") < 10 {
		t.Errorf("%v, %s", err, c.out.Bytes())
	}
}
