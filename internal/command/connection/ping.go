package connection

import "github.com/weirmq/weir/internal/command"

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
	Run: command.Handle(func(args command.Args) (int, error) { return command.ParseDB(args[1]) }, func(c *command.Call, db int) error {
		c.Session.DB = db
		c.Out.OK()
		return nil
	}),
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
