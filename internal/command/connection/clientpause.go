package connection

import "github.com/weirmq/weir/internal/command"

func (f family) clientPause() command.Spec {
	return command.Spec{
		Name: "pause", Since: "2.9.50", Arity: -3,
		Syntax:  "timeout [WRITE | ALL]",
		Summary: "Let commands of all connections wait for so many milliseconds, or with WRITE only those that write. Nothing expires meanwhile.",
		Flags:   inquiry | command.Admin,
		Run:     command.Handle(parsePause, f.runPause),
	}
}

func (f family) clientUnpause() command.Spec {
	return command.Spec{
		Name: "unpause", Since: "6.2.0", Arity: 2,
		Summary:    "End a pause.",
		Complexity: "O(N) for N commands that wait",
		Flags:      inquiry | command.Admin,
		Run: command.Plain(func(c *command.Call) error {
			f.host.Unpause()
			c.Out.OK()
			return nil
		}),
	}
}

type pauseArgs struct {
	ms         int64
	writesOnly bool
}

const (
	errPauseTimeout command.Error = "ERR timeout is not an integer or out of range"
	errPauseMode    command.Error = "ERR CLIENT PAUSE mode must be WRITE or ALL"
	longestPause                  = 1 << 42 // a century, so that it can be added to a time
)

func parsePause(args command.Args) (a pauseArgs, err error) {
	if len(args) > 4 {
		return a, wrongSubcommand(args[1])
	}
	if len(args) == 4 {
		a.writesOnly = command.EqualFold(args[3], "WRITE")
		if !a.writesOnly && !command.EqualFold(args[3], "ALL") {
			return a, errPauseMode
		}
	}
	switch a.ms, err = command.ParseInt(args[2]); {
	case err != nil:
		return a, errPauseTimeout
	case a.ms < 0:
		return a, command.ErrTimeoutNegative
	}
	a.ms = min(a.ms, longestPause)
	return a, nil
}

func (f family) runPause(c *command.Call, a pauseArgs) error {
	f.host.Pause(a.ms, a.writesOnly)
	c.Out.OK()
	return nil
}

// wrongSubcommand is the error for words behind a subcommand that it does not know.
func wrongSubcommand(name []byte) error {
	return command.Errorf("ERR unknown subcommand or wrong number of arguments for '%s'. Try CLIENT HELP.", command.Printable(name, 128))
}
