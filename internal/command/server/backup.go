package server

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/resp"
)

func (f family) backup() command.Spec {
	const since = "weir 0.1.0"
	return command.WithHelp(command.Spec{
		Name: "backup", Group: command.Server, Since: since, Arity: -2,
		Summary: "Hold files still while they are copied: what weir backup does.",
		Sub: []command.Spec{
			{
				Name: "begin", Since: since, Arity: 2,
				Summary: "Make a checkpoint, and keep the files that hold its state until BACKUP END or the end of the connection. " +
					"Returns their names below the data directory, each with how many of its bytes to copy.",
				Complexity: "O(N) where N is the number of keys and of blocks of streams",
				Flags:      command.Admin | command.NoScript | command.NoAsyncLoading | command.NoMulti,
				Run:        command.Plain(f.runBackupBegin),
			},
			{
				Name: "end", Since: since, Arity: 2,
				Summary: "Let go of the files that BACKUP BEGIN has named.",
				Flags:   command.Admin | command.NoScript | command.NoAsyncLoading | command.NoMulti,
				Run:     command.Plain(f.runBackupEnd),
			},
		},
	}, since)
}

func (f family) runBackupBegin(c *command.Call) error {
	return f.host.BackupBegin(c, func(out *resp.Writer, files []BackupFile, err error) {
		if err != nil {
			out.Error(command.WireText(err))
			return
		}
		out.Array(len(files))
		for _, file := range files {
			out.Array(2)
			out.BulkString(file.Name)
			out.Int(file.Length)
		}
	})
}

func (f family) runBackupEnd(c *command.Call) error {
	if err := f.host.BackupEnd(c); err != nil {
		return err
	}
	c.Out.OK()
	return nil
}
