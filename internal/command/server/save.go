package server

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/resp"
)

func (f family) save() command.Spec {
	return command.Spec{
		Name: "save", Group: command.Server, Since: "1.0.0", Arity: 1,
		Summary:    "Make a checkpoint and wait until it is on disk. Others are served meanwhile.",
		Complexity: "O(N) where N is the number of keys and of blocks of streams",
		Flags:      command.Admin | command.NoScript | command.NoAsyncLoading | command.NoMulti,
		Run:        command.Plain(f.runSave),
	}
}

func (f family) bgsave() command.Spec {
	return command.Spec{
		Name: "bgsave", Group: command.Server, Since: "1.0.0", Arity: -1,
		Syntax:  "[SCHEDULE]",
		Summary: "Begin a checkpoint.",
		Flags:   command.Admin | command.NoScript | command.NoAsyncLoading,
		Run:     command.Handle(parseBGSave, f.runBGSave),
	}
}

func (f family) lastsave() command.Spec {
	return command.Spec{
		Name: "lastsave", Group: command.Server, Since: "1.0.0", Arity: 1,
		Summary: "The unix time of the last checkpoint, or of the start if there was none since.",
		Flags:   inquiry | command.Fast | command.Dangerous,
		ACL:     []string{"admin"},
		Tips:    []string{"nondeterministic_output"},
		Run:     command.Plain(f.runLastSave),
	}
}

func (f family) runSave(c *command.Call) error {
	return f.host.SaveAndWait(c, func(out *resp.Writer, err error) {
		if err != nil {
			out.Error(command.WireText(err))
			return
		}
		out.OK()
	})
}

// parseBGSave takes SCHEDULE, which means nothing here: only one checkpoint is made at a time, and nothing else is in its way.
func parseBGSave(args command.Args) (none struct{}, err error) {
	if len(args) > 2 || len(args) == 2 && !command.EqualFold(args[1], "SCHEDULE") {
		err = command.ErrSyntax
	}
	return none, err
}

func (f family) runBGSave(c *command.Call, _ struct{}) error {
	if err := f.host.Save(); err != nil {
		return err
	}
	c.Out.SimpleString("Background saving started")
	return nil
}

func (f family) runLastSave(c *command.Call) error {
	c.Out.Int(f.host.LastSave())
	return nil
}
