package strings_test

import (
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/command"
)

func TestWhatIsRefusedChangesNothing(t *testing.T) {
	r := newRunner(2)
	r.Reply("set k 9223372036854775807")
	r.Reply("pfadd h a b c")
	for _, line := range []string{
		"incr k", "incrby k x", "incrbyfloat k x", "set k v nx", "set none v xx", "set k v ex 0", "set k v foo", "setnx k v", "msetnx new 1 k 2",
		"setrange k 536870912 x", "setrange k -1 x", "setbit k 4294967296 1", "setbit k 0 2", "bitfield k set u8 0", "bitop not d k k",
		"getex k ex 0", "getex none ex 1", "pfadd k a", "pfmerge k h", "pfadd h a b", "lcs k h foo",
	} {
		r.Reply(line)
		if len(r.Tx.Record()) > 0 {
			t.Errorf("%s changed something", line)
		}
	}
}

func TestAnExpiryIsSetKeptAndTakenAway(t *testing.T) {
	r := newRunner(2)
	for _, step := range []struct {
		line string
		at   int64 // 0: it does not expire
	}{
		{"set k v ex 10", 11_000}, {"set k w keepttl", 11_000}, {"incr n", 0}, {"set k 5 px 70", 1070}, {"incr k", 1070}, {"append k 1", 1070},
		{"setrange k 0 2", 1070}, {"incrbyfloat k 1", 1070}, {"setbit k 3 1", 1070}, {"getex k", 1070}, {"getex k persist", 0}, {"getex k exat 9", 9000},
		{"set k v", 0}, {"set k v pxat 5000", 5000}, {"getset k v", 0}, {"setex k 2 v", 3000}, {"mset k v", 0}, {"psetex k 2 v", 1002}, {"bitop or k k", 0},
		{"getex k ex 1", 2000}, {"pfadd h a", 0}, {"getex h ex 1", 2000}, {"pfadd h b", 2000}, {"pfmerge h h", 2000}, {"pfcount h", 2000},
	} {
		r.Reply(step.line)
		key := strings.Fields(step.line)[1]
		if key == "or" {
			key = "k"
		}
		if at, _ := r.Tx.Expiry([]byte(key)); at != step.at {
			t.Errorf("after %s the key expires at %d, and not at %d", step.line, at, step.at)
		}
	}
}

func TestAKeyWhoseTimeIsOverIsNotThere(t *testing.T) {
	r := newRunner(2)
	r.Reply("set k v pxat 1500")
	r.NowMS = 1500
	if got := r.Reply("get k"); got != "$1 v" {
		t.Errorf("before: %q", got)
	}
	r.NowMS++
	for _, c := range []struct{ line, want string }{
		{"get k", "$-1"}, {"strlen k", ":0"}, {"set k w xx", "$-1"}, {"bitcount k", ":0"}, {"bitop not k k", ":0"},
	} {
		if got := r.Reply(c.line); got != c.want {
			t.Errorf("%s: %q", c.line, got)
		}
	}
	if got := r.Reply("append k x"); got != ":1" {
		t.Errorf("append made something of what is gone: %q", got)
	}
}

func TestAStringGrowsTo512MBAndNotBeyond(t *testing.T) {
	const tooLong = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
	r := newRunner(2)
	for _, c := range []struct{ line, want string }{
		{"setrange k 536870911 x", ":536870912"},
		{"append k y", tooLong},
		{"setrange k 536870911 yz", tooLong},
		{"setrange none 536870912 x", tooLong},
		{"setrange none 9223372036854775807 x", tooLong},
		{"strlen none", ":0"},
		{"setbit k 4294967295 1", ":0"},
		{"getrange k 536870910 -1", "$2 \x00y"},
		{"bitcount k", ":5"},
		{"bitpos k 1", ":4294967289"},
		{"bitfield k set u8 4294967295 255", "*1 :128"}, // as in Redis: only where it begins is checked
		{"strlen k", ":536870913"},
	} {
		if got := r.Reply(c.line); got != c.want {
			t.Errorf("%s: %q, want %q", c.line, got, c.want)
		}
	}
}

func TestPFCountDoesNotKeepItsEstimateWhereNothingCanBeLogged(t *testing.T) {
	r := newRunner(2)
	r.Reply("pfadd h a b c")
	r.Call.ReadOnly = true
	if got := r.Reply("pfcount h"); got != ":3" || len(r.Tx.Record()) > 0 {
		t.Errorf("%q, a record of %d bytes", got, len(r.Tx.Record()))
	}
	r.Call.ReadOnly = false
	if got := r.Reply("pfcount h"); got != ":3" || len(r.Tx.Record()) == 0 {
		t.Errorf("%q, and it is forgotten", got)
	}
	if got := r.Reply("pfcount h"); got != ":3" || len(r.Tx.Record()) > 0 {
		t.Errorf("%q, and it is kept again", got)
	}
}

func TestAKeyNamedAgainAndAgainMakesNoLongReply(t *testing.T) {
	r := newRunner(2)
	r.Reply("set k " + strings.Repeat("x", 1000))
	r.Reply("setrange large 1000000 x")
	r.Call.MaxReply = 10_000
	for _, key := range []string{" k", " large"} {
		line := "mget" + strings.Repeat(key, 50)
		if got := r.Reply(line); got != string(command.ErrResultTooLong) {
			t.Errorf("%.20s: %.80q", line, got)
		}
	}
	if got := r.Reply("mget k k"); len(got) < 2000 {
		t.Errorf("what fits: %.80q", got)
	}
}
