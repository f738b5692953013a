package hashes_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/command/commandtest"
	"github.com/weirmq/weir/internal/command/hashes"
)

func TestCommandsOnHashesAllocateNothing(t *testing.T) {
	for _, fields := range []int{5, 1000} {
		r := commandtest.New(2, hashes.Specs())
		for i := range fields {
			r.Reply(fmt.Sprintf("HSET h field:%06d value:%06d", i, i))
		}
		r.AllocateNothing(t, [][2]string{
			{"HSET h field:000001 value:000009", "HGET h field:000001"}, {"HSET h new 1", "HDEL h new"},
			{"HMGET h field:000001 none field:000003", "HLEN h"}, {"HEXISTS h none", "HSTRLEN h field:000002"},
			{"HSETNX h field:000001 x", "HGETALL h"}, {"HKEYS h", "HVALS h"},
		})
	}
}

func TestAFieldExpiresAndItsHashWithIt(t *testing.T) {
	r := commandtest.New(2, hashes.Specs())
	r.NowMS = 1000
	for _, step := range []struct {
		nowMS         int64
		command, want string
	}{
		{1000, "HSET h f 1 g 2", ":2"},
		{1000, "HPEXPIRE h 500 FIELDS 3 f g none", "*3 :1 :1 :-2"},
		{1000, "HPEXPIRE h 400 GT FIELDS 1 f", "*1 :0"},
		{1000, "HPEXPIRE h 400 LT FIELDS 1 f", "*1 :1"},
		{1000, "HPEXPIRETIME h FIELDS 2 f g", "*2 :1400 :1500"},
		{1400, "HPTTL h FIELDS 1 g", "*1 :100"},
		{1401, "HGET h f", "$-1"},
		{1401, "HGETALL h", "*2 $1 g $1 2"},
		{1401, "HPERSIST h FIELDS 2 f g", "*2 :-2 :1"},
		{9999, "HTTL h FIELDS 1 g", "*1 :-1"},
		{9999, "HPEXPIREAT h 1 FIELDS 1 g", "*1 :2"},
		{9999, "HLEN h", ":0"},
		{9999, "HPEXPIRE h 5 FIELDS 0 f", "ERR Parameter `numFields` should be greater than 0"},
		{9999, "HPEXPIRE h x FIELDS 1 f", "ERR value is not an integer or out of range"},
	} {
		r.NowMS = step.nowMS
		if got := r.Reply(step.command); got != step.want {
			t.Errorf("at %d %s: %q, want %q", step.nowMS, step.command, got, step.want)
		}
	}
}

func TestHashesRefuseWhatRedisRefuses(t *testing.T) {
	r := commandtest.New(2, hashes.Specs())
	r.Reply("HSET h text abc float 1.5 most 9223372036854775807")
	for command, want := range map[string]string{
		"HSET h f":                       "ERR wrong number of arguments for 'hset' command",
		"HSET h f 1 g":                   "ERR wrong number of arguments for 'hset' command",
		"HINCRBY h text 1":               "ERR hash value is not an integer",
		"HINCRBY h most 1":               "ERR increment or decrement would overflow",
		"HINCRBY h n x":                  "ERR value is not an integer or out of range",
		"HINCRBYFLOAT h text 1":          "ERR hash value is not a float",
		"HINCRBYFLOAT h float x":         "ERR value is not a valid float",
		"HRANDFIELD h x":                 "ERR value is not an integer or out of range",
		"HRANDFIELD h 1 WITHSCORES":      "ERR syntax error",
		"HSCAN h x":                      "ERR invalid cursor",
		"HSCAN h 0 COUNT 0":              "ERR syntax error",
		"HRANDFIELD h 1 WITHVALUES more": "ERR syntax error",
	} {
		if got := r.Reply(command); got != want {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
}

func TestAFieldNamedAgainAndAgainMakesNoLongReply(t *testing.T) {
	r := commandtest.New(2, hashes.Specs())
	r.Reply("HSET h f " + strings.Repeat("x", 1000) + " g 1")
	r.Reply("HEXPIRE h 100 FIELDS 1 f")
	r.Call.MaxReply = 10_000
	again := strings.Repeat(" f", 50)
	for _, line := range []string{
		"HMGET h" + again, "HGETEX h PERSIST FIELDS 50" + again, "HGETEX h EX 5 FIELDS 50" + again, "HRANDFIELD h -50 WITHVALUES", "HRANDFIELD h -9223372036854775807",
	} {
		if got := r.Reply(line); got != string(command.ErrResultTooLong) || len(r.Tx.Record()) > 0 {
			t.Errorf("%.40s: %.80q, and %d bytes of changes", line, got, len(r.Tx.Record()))
		}
	}
	if got := r.Reply("HGETEX h PERSIST FIELDS 3 f g f"); len(got) < 2000 || len(r.Tx.Record()) == 0 {
		t.Errorf("what fits: %.80q", got)
	}
}
