package server

import "github.com/weirmq/weir/internal/command"

func (f family) shutdown() command.Spec {
	return command.Spec{
		Name: "shutdown", Group: command.Server, Since: "1.0.0", Arity: -1,
		Syntax: "[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]",
		Summary: "End the server. What was acknowledged is in the log already, so that nothing has to be saved; there is no " +
			"reply unless it fails.",
		Flags: administration | command.NoMulti | command.AllowBusy,
		Run:   command.Handle(parseShutdown, f.runShutdown),
	}
}

type shutdownArgs struct {
	how   Shutdown
	abort bool
}

func parseShutdown(args command.Args) (a shutdownArgs, err error) {
	for _, arg := range args[1:] {
		switch {
		case command.EqualFold(arg, "NOSAVE"):
			a.how.NoSave = true
		case command.EqualFold(arg, "SAVE"):
			a.how.Save = true
		case command.EqualFold(arg, "NOW"):
			a.how.Now = true
		case command.EqualFold(arg, "FORCE"):
			a.how.Force = true
		case command.EqualFold(arg, "ABORT"):
			a.abort = true
		default:
			return a, command.ErrSyntax
		}
	}
	if a.abort && a.how != (Shutdown{}) || a.how.Save && a.how.NoSave {
		return a, command.ErrSyntax
	}
	return a, nil
}

func (f family) runShutdown(c *command.Call, a shutdownArgs) error {
	if !a.abort {
		return f.host.Shutdown(a.how)
	}
	if !f.host.AbortShutdown() {
		return command.Error("ERR No shutdown in progress.")
	}
	c.Out.OK()
	return nil
}
