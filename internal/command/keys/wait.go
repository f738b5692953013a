package keys

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/resp"
)

var wait = command.Spec{
	Name: "wait", Group: command.Generic, Since: "3.0.0", Arity: 3,
	Syntax: "numreplicas timeout",
	Summary: "Return how many replicas have what was written before: 0, for there are none. " +
		"It is on disk before the reply is sent, as with every command, if that is what sync asks for.",
	Flags:      command.NoScript,
	ACL:        []string{"connection"},
	NoGroupACL: true,
	Tips:       []string{"request_policy:all_shards", "response_policy:agg_min"},
	Run:        command.Handle(parseWait, runWait),
}

type waitArgs struct{ replicas, timeoutMS int64 }

const (
	errTimeoutNotInt command.Error = "ERR timeout is not an integer or out of range"
)

func parseWait(args command.Args) (a waitArgs, err error) {
	if a.replicas, err = command.ParseInt(args[1]); err != nil {
		return a, err
	}
	if a.timeoutMS, err = command.ParseInt(args[2]); err != nil {
		return a, errTimeoutNotInt
	}
	if a.timeoutMS < 0 {
		return a, command.ErrTimeoutNegative
	}
	return a, nil
}

func runWait(c *command.Call, a waitArgs) error {
	c.Tx.DependOnAll()
	if a.replicas <= 0 {
		c.Out.Int(0)
		return nil
	}
	c.Block(command.Wait{
		TimeoutMS: a.timeoutMS,
		Again:     func() func(*command.Call) (bool, error) { return nil }, // there is no key that could change
		Timeout:   func(w *resp.Writer) { w.Int(0) },
	})
	return nil
}
