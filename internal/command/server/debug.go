package server

import (
	"math"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/resp"
)

// debug is for tests of programs: of the many subcommands that Redis has for its own, there are those that others use.
func (f family) debug() command.Spec {
	return command.Spec{
		Name: "debug", Group: command.Server, Since: "1.0.0", Arity: -2,
		Syntax: "<SLEEP seconds | SET-ACTIVE-EXPIRE <0 | 1> | HELP>",
		Summary: "For tests: SLEEP answers after some seconds, which nobody else has to wait for; " +
			"SET-ACTIVE-EXPIRE 0 leaves keys in memory whose time is over, until a command changes them.",
		Complexity: "Depends on subcommand.",
		Flags:      administration,
		Run:        command.Plain(f.runDebug),
	}
}

var debugHelp = []string{
	"DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
	"SLEEP <seconds>",
	"    Answer after <seconds>. Other connections go on.",
	"SET-ACTIVE-EXPIRE <0|1>",
	"    Choose whether keys whose time is over are deleted in the background.",
	"HELP",
	"    Prints this help.",
}

func (f family) runDebug(c *command.Call) error {
	switch name := c.Args[1]; {
	case command.EqualFold(name, "HELP") && len(c.Args) == 2:
		c.Out.Array(len(debugHelp))
		for _, line := range debugHelp {
			c.Out.SimpleString(line)
		}
		return nil
	case command.EqualFold(name, "SLEEP") && len(c.Args) == 3:
		sleep(c, c.Args[2])
		return nil
	case command.EqualFold(name, "SET-ACTIVE-EXPIRE") && len(c.Args) == 3:
		n, _ := command.ParseInt(c.Args[2]) // what is no number is 0, as for Redis
		f.host.SetActiveExpire(n != 0)
		c.Out.OK()
		return nil
	default:
		return command.Errorf("ERR unknown subcommand or wrong number of arguments for '%s'. Try DEBUG HELP.", command.Printable(name, 128))
	}
}

// sleep parks the session. In Redis everybody sleeps, which is a trap; whoever wants that has CLIENT PAUSE.
func sleep(c *command.Call, arg []byte) {
	seconds, _ := command.ParseFloat(arg) // what is no number is 0, as for Redis
	const century = 1 << 32
	ms := int64(math.Ceil(min(max(seconds, 0), century) * 1000))
	if ms == 0 {
		c.Out.OK()
		return
	}
	c.Block(command.Wait{
		TimeoutMS: ms,
		Again:     func() func(*command.Call) (bool, error) { return nil }, // there is no key that could change
		Timeout:   (*resp.Writer).OK,
	})
}
