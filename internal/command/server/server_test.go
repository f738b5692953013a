package server

import (
	"errors"
	"slices"
	"testing"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/stream"
)

func TestFlushEmptiesOneDatabaseOrAll(t *testing.T) {
	c := newClient()
	for db := range 3 {
		c.tx.Begin(db, 0)
		c.tx.StreamAppend([]byte("s"), stream.ID{MS: 1}, nil)
	}
	c.expect(t,
		exchange{"DBSIZE", ":1"},
		exchange{"FLUSHDB foo", "ERR syntax error"}, exchange{"FLUSHDB ASYNC SYNC", "ERR syntax error"}, exchange{"DBSIZE", ":1"},
		exchange{"FLUSHDB ASYNC", "+OK"}, exchange{"DBSIZE", ":0"},
	)
	c.db = 1
	c.expect(t, exchange{"DBSIZE", ":1"}, exchange{"FLUSHALL sync", "+OK"}, exchange{"DBSIZE", ":0"})
	c.db = 2
	c.expect(t, exchange{"DBSIZE", ":0"}, exchange{"FLUSHALL x", "ERR syntax error"})
}

func TestTimeIsSecondsAndMicroseconds(t *testing.T) {
	newClient().expect(t, exchange{"TIME", "*2 $10 1700000000 $2 42"})
}

func TestShutdownPassesOnHowAndAnswersOnlyARefusal(t *testing.T) {
	c := newClient()
	c.expect(t,
		exchange{"SHUTDOWN", ""}, exchange{"SHUTDOWN nosave now", ""}, exchange{"SHUTDOWN SAVE FORCE", ""},
		exchange{"SHUTDOWN foo", "ERR syntax error"}, exchange{"SHUTDOWN SAVE NOSAVE", "ERR syntax error"},
		exchange{"SHUTDOWN ABORT NOW", "ERR syntax error"},
		exchange{"SHUTDOWN ABORT", "ERR No shutdown in progress."},
	)
	if !slices.Equal(c.host.shutdowns, []Shutdown{{}, {NoSave: true, Now: true}, {Save: true, Force: true}}) {
		t.Errorf("%+v", c.host.shutdowns)
	}
	c.host.refusal, c.host.ending = errors.New("no"), true
	c.expect(t, exchange{"SHUTDOWN", "ERR no"}, exchange{"SHUTDOWN ABORT ABORT", "+OK"})
}

func TestCommandDescribesInBothProtocols(t *testing.T) {
	c := newClient()
	c.expect(t,
		exchange{"COMMAND COUNT", ":19"},
		exchange{"COMMAND INFO xlen nope", "*2 *10 $4 xlen :2 *2 +readonly +fast :1 :1 :1 *3 +@read +@stream +@fast *0 " +
			"*1 *6 $5 flags *1 +RO $12 begin_search *4 $4 type $5 index $4 spec *2 $5 index :1 " +
			"$9 find_keys *4 $4 type $5 range $4 spec *6 $7 lastkey :0 $7 keystep :1 $5 limit :0 *0 $-1"},
		exchange{"COMMAND INFO xinfo|STREAM|x", "*1 $-1"},
		exchange{"COMMAND DOCS nope", "*0"},
		exchange{"COMMAND DOCS xlen", "*2 $4 xlen *10 $7 summary $6 Count. $5 since $5 5.0.0 $5 group $6 stream $10 complexity $4 O(1) " +
			"$9 arguments *1 *6 $4 name $3 key $4 type $3 key $14 key_spec_index :0"},
		exchange{"COMMAND LIST FILTERBY PATTERN XI*", "*3 $5 xinfo $12 xinfo|stream $10 xinfo|help"},
		exchange{"COMMAND LIST FILTERBY ACLCAT stream", "*4 $4 xlen $5 xread $12 xinfo|stream $10 xinfo|help"},
		exchange{"COMMAND LIST FILTERBY ACLCAT none", "*0"},
		exchange{"COMMAND LIST FILTERBY MODULE m", "*0"},
		exchange{"COMMAND LIST FILTERBY", "ERR syntax error"}, exchange{"COMMAND LIST FILTERBY a b", "ERR syntax error"},
		exchange{"COMMAND LIST x", "ERR syntax error"},
	)
	c.out.SetProtocol(3)
	c.expect(t,
		exchange{"COMMAND INFO xread nope", "*2 *10 $5 xread :-4 ~3 +readonly +blocking +movablekeys :0 :0 :0 ~4 +@read +@stream +@slow +@blocking ~0 " +
			"~1 %3 $5 flags ~2 +RO +access $12 begin_search %2 $4 type $7 keyword $4 spec %2 $7 keyword $7 STREAMS $9 startfrom :1 " +
			"$9 find_keys %2 $4 type $5 range $4 spec %3 $7 lastkey :-1 $7 keystep :1 $5 limit :2 ~0 _"},
		exchange{"COMMAND DOCS xinfo|stream", "%1 $12 xinfo|stream %5 $7 summary $17 Look at a stream. $5 since $5 5.0.0 $5 group $6 stream " +
			"$10 complexity $4 O(1) $9 arguments *1 %3 $4 name $3 key $4 type $3 key $14 key_spec_index :0"},
	)
}

func TestGetKeysFindsKeysAndRefusesAsRedisDoes(t *testing.T) {
	newClient().expect(t,
		exchange{"COMMAND GETKEYS xlen a", "*1 $1 a"},
		exchange{"COMMAND GETKEYS xread streams a b 0 0", "*2 $1 a $1 b"},
		exchange{"COMMAND GETKEYSANDFLAGS xread streams a 0", "*1 *2 $1 a *2 +RO +access"},
		exchange{"COMMAND GETKEYS xinfo stream a", "*1 $1 a"},
		exchange{"COMMAND GETKEYS xinfo foo a", "ERR Invalid command specified"},
		exchange{"COMMAND GETKEYS nope a", "ERR Invalid command specified"},
		exchange{"COMMAND GETKEYS xlen a b", "ERR Invalid number of arguments specified for command"},
		exchange{"COMMAND GETKEYS time a", "ERR The command has no key arguments"},
		exchange{"COMMAND GETKEYS command count", "ERR The command has no key arguments"},
		exchange{"COMMAND GETKEYS xread count 1 a", "ERR Invalid arguments specified for command"},
		exchange{"COMMAND GETKEYS xlen", "ERR wrong number of arguments for 'command|getkeys' command"},
	)
}

func TestEverySpecOfTheFamilyIsComplete(t *testing.T) {
	check := func(s *command.Spec) {
		if s.Summary == "" || s.Since == "" || s.Arity == 0 || s.Run == nil && !s.Container() {
			t.Errorf("%s: %+v", s.FullName, s)
		}
		s.Arguments() // panics on a syntax that does not parse
	}
	for _, s := range newClient().host.table.All() {
		check(s)
		for i := range s.Sub {
			check(&s.Sub[i])
		}
	}
}
