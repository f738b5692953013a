package connection

import (
	"math"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
)

var ping = command.Spec{
	Name: "ping", Group: command.Connection, Since: "1.0.0", Arity: -1,
	Syntax:  "[message]",
	Summary: "Answer PONG, or the message.",
	Flags:   command.Fast,
	Tips:    []string{"request_policy:all_shards", "response_policy:all_succeeded"},
	Run: command.Plain(func(c *command.Call) error {
		switch len(c.Args) {
		case 1:
			c.Out.SimpleString("PONG")
		case 2:
			c.Out.Bulk(c.Args[1])
		default:
			return errPingArity
		}
		return nil
	}),
}

const errPingArity command.Error = "ERR wrong number of arguments for 'ping' command"

var echo = command.Spec{
	Name: "echo", Group: command.Connection, Since: "1.0.0", Arity: 2,
	Syntax:  "message",
	Summary: "Answer the message.",
	Flags:   command.Fast | command.Loading | command.Stale,
	Run: command.Plain(func(c *command.Call) error {
		c.Out.Bulk(c.Args[1])
		return nil
	}),
}

var selectDB = command.Spec{
	Name: "select", Group: command.Connection, Since: "1.0.0", Arity: 2,
	Syntax:  "index",
	Summary: "Choose the database of the connection.",
	Flags:   command.Fast | command.Loading | command.Stale,
	Run: command.Handle(parseSelect, func(c *command.Call, db int) error {
		c.Session.DB = db
		c.Out.OK()
		return nil
	}),
}

func parseSelect(args command.Args) (int, error) {
	db, err := command.ParseInt(args[1])
	switch {
	case err != nil:
		return 0, err
	case db < math.MinInt32 || db > math.MaxInt32:
		return 0, command.Errorf("ERR value is out of range, value must between %d and %d", math.MinInt32, math.MaxInt32)
	case db < 0 || db >= state.Databases:
		return 0, command.ErrInvalidDB
	}
	return int(db), nil
}

func (f family) quit() command.Spec {
	return command.Spec{
		Name: "quit", Group: command.Connection, Since: "1.0.0", Arity: -1,
		Summary: "Close the connection once everything before has been answered.",
		Flags:   handshake,
		Run: command.Plain(func(c *command.Call) error {
			c.Out.OK()
			f.host.CloseAfterReply(c.Session)
			return nil
		}),
	}
}

func (f family) reset() command.Spec {
	return command.Spec{
		Name: "reset", Group: command.Connection, Since: "6.2.0", Arity: 1,
		Summary: "Make the connection what it was when it was new.",
		Flags:   handshake,
		Run:     command.Plain(f.runReset),
	}
}

// runReset leaves the library's name and version: they are of the program that is connected, not of what it set up.
func (f family) runReset(c *command.Call) error {
	f.host.Reset(c.Session)
	c.Out.SetProtocol(2)
	c.Out.SimpleString("RESET")
	return nil
}
