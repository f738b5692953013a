package connection

import "github.com/weirmq/weir/internal/command"

// handshake are the flags of commands that a client may send whatever state the broker and the session are in.
const handshake = command.NoAuth | command.Fast | command.NoScript | command.Loading | command.Stale | command.AllowBusy

// Specs lists the family's commands.
func Specs(h Host) []command.Spec {
	f := family{h}
	return []command.Spec{f.hello(), f.auth(), ping, echo, selectDB, f.quit(), f.reset(), f.client()}
}

// family is the commands with the host that they ask.
type family struct{ host Host }
