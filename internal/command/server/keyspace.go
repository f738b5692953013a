package server

import (
	"strconv"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
)

var dbsize = command.Spec{
	Name: "dbsize", Group: command.Server, Since: "1.0.0", Arity: 1,
	Summary: "Count the keys of the database.",
	Flags:   command.ReadOnly | command.Fast,
	ACL:     []string{"keyspace"},
	Tips:    []string{"request_policy:all_shards", "response_policy:agg_sum"},
	Run: command.Plain(func(c *command.Call) error {
		c.Out.Int(int64(c.Tx.Len()))
		return nil
	}),
}

var flushdb = command.Spec{
	Name: "flushdb", Group: command.Server, Since: "1.0.0", Arity: -1,
	Syntax:  "[ASYNC | SYNC]",
	Summary: "Delete all keys of the database. Memory is freed in the background either way.",
	Flags:   command.Write | command.Dangerous | command.Frees,
	ACL:     []string{"keyspace"},
	Tips:    []string{"request_policy:all_shards", "response_policy:all_succeeded"},
	Run: command.Plain(func(c *command.Call) error {
		return flush(c, c.Tx.DB())
	}),
}

var flushall = command.Spec{
	Name: "flushall", Group: command.Server, Since: "1.0.0", Arity: -1,
	Syntax:  "[ASYNC | SYNC]",
	Summary: "Delete all keys of all databases. Memory is freed in the background either way.",
	Flags:   command.Write | command.Dangerous | command.Frees,
	ACL:     []string{"keyspace"},
	Tips:    []string{"request_policy:all_shards", "response_policy:all_succeeded"},
	Run: command.Plain(func(c *command.Call) error {
		return flush(c, state.AllDatabases)
	}),
}

func flush(c *command.Call, db int) error {
	if len(c.Args) > 2 || len(c.Args) == 2 && !command.EqualFold(c.Args[1], "ASYNC") && !command.EqualFold(c.Args[1], "SYNC") {
		return command.ErrSyntax
	}
	c.Tx.Flush(db)
	c.Out.OK()
	return nil
}

func (f family) time() command.Spec {
	return command.Spec{
		Name: "time", Group: command.Server, Since: "2.6.0", Arity: 1,
		Summary: "The clock: unix seconds, and the microseconds of the current one.",
		Flags:   inquiry | command.Fast,
		Tips:    []string{"nondeterministic_output"},
		Run: command.Plain(func(c *command.Call) error {
			now := f.host.NowMicros()
			c.Out.Array(2)
			c.Out.BulkString(strconv.FormatInt(now/1e6, 10))
			c.Out.BulkString(strconv.FormatInt(now%1e6, 10))
			return nil
		}),
	}
}

var swapdb = command.Spec{
	Name: "swapdb", Group: command.Server, Since: "4.0.0", Arity: 3,
	Syntax:     "index1 index2",
	Summary:    "Exchange two databases: who is connected to one sees what was in the other.",
	Complexity: "O(N) for N clients that wait for keys",
	Flags:      command.Write | command.Fast | command.Dangerous,
	ACL:        []string{"keyspace"},
	Run:        command.Handle(parseSwapDB, runSwapDB),
}

type swapArgs struct{ first, second int64 }

func parseSwapDB(args command.Args) (a swapArgs, err error) {
	if a.first, err = command.ParseInt(args[1]); err != nil || a.first != int64(int32(a.first)) {
		return a, command.Error("ERR invalid first DB index")
	}
	if a.second, err = command.ParseInt(args[2]); err != nil || a.second != int64(int32(a.second)) {
		return a, command.Error("ERR invalid second DB index")
	}
	if min(a.first, a.second) < 0 || max(a.first, a.second) >= state.Databases {
		return a, command.ErrInvalidDB
	}
	return a, nil
}

func runSwapDB(c *command.Call, a swapArgs) error {
	if a.first != a.second {
		c.Tx.Swap(int(a.first), int(a.second))
	}
	c.Out.OK()
	return nil
}
