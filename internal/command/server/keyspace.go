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
