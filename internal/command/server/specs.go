package server

import "github.com/weirmq/weir/internal/command"

// inquiry are the flags of commands that may be sent at any time; administration those of commands that may not be sent
// from a script, and only by an administrator.
const (
	inquiry        = command.Loading | command.Stale
	administration = command.Admin | command.NoScript | command.Loading | command.Stale
)

// Specs lists the family's commands.
func Specs(h Host) []command.Spec {
	f := family{h}
	return []command.Spec{
		f.backup(), f.bgsave(), f.command(), f.config(), dbsize, f.debug(), flushall, flushdb, f.info(), f.lastsave(), lolwut, f.memory(),
		f.save(), f.shutdown(), swapdb, f.time(),
	}
}

// family is the commands with the host that they ask.
type family struct{ host Host }
