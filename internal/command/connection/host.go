// Package connection is the commands by which a client says who it is and what it wants of its connection: HELLO, AUTH,
// SELECT, RESET, CLIENT and their kin.
//
// What a session is (name, database, library, user) is in command.Session and is changed here directly; the broker looks
// at it again after the command. What needs other sessions, sockets or passwords is asked of Host.
package connection

import "github.com/weirmq/weir/internal/command"

// Host is what the family needs of the broker. All calls happen under the state lock.
type Host interface {
	// PasswordRequired reports whether a new session must authenticate before it may do anything.
	PasswordRequired() bool
	// Authenticate returns the name of the user whose name and password these are, and whether there is one. Without a
	// required password the user "default" is accepted with any password.
	Authenticate(user, password []byte) (name string, ok bool)

	// HasUser reports whether there is a user of that name.
	HasUser(name []byte) bool

	// Client describes one session; Clients describes all of them, by rising ID.
	Client(s *command.Session) Client
	Clients() []Client

	// Kill closes another session; its held output is dropped. It reports whether there was one.
	Kill(id int64) bool
	// Unblock ends another session's wait as its timeout would, or with the error UNBLOCKED. It reports whether the
	// session was blocked.
	Unblock(id int64, withError bool) bool

	// CloseAfterReply closes the session once all its output has left, that of this command included.
	CloseAfterReply(s *command.Session)
	// SetReplies changes which of the session's commands are answered, beginning with the current one: the reply that
	// CLIENT REPLY itself has written leaves only if the mode is ReplyOn.
	SetReplies(s *command.Session, mode ReplyMode)
	// Pause lets commands that arrive from now on wait, all of them or only those that may write. A pause that is under way
	// becomes the longer and the stricter of both. Unpause ends it.
	Pause(ms int64, writesOnly bool)
	Unpause()
	// Reset makes a session what it was before its first command, and takes it out of every mode: an open transaction,
	// watched keys, subscriptions, CLIENT REPLY. Only the protocol is the family's business.
	Reset(s *command.Session)
}

// ReplyMode says which commands of a session are answered.
type ReplyMode int

// The modes of CLIENT REPLY.
const (
	ReplyOn   ReplyMode = iota
	ReplyOff            // none until ReplyOn
	ReplySkip           // not this command and not the next one
)

// Client is one session as CLIENT LIST prints it. Sizes are in bytes.
type Client struct {
	ID          int64
	Addr, Laddr string // ip:port, or path:0
	FD          int
	Name        string
	AgeSeconds  int64
	IdleSeconds int64
	// Flags are Redis's letters: N for none, else of P (subscribed), x (transaction open), b (blocked), d (watched key
	// changed), c (closing after reply), A (closing at once), U (unix socket), e (never evicted), T (does not touch).
	Flags             string
	DB                int
	Sub, PSub, SSub   int    // channels, patterns, shard channels
	Multi             int    // commands queued in a transaction; -1: none open
	QueryBuf          int64  // bytes of commands that wait to be parsed
	QueryBufFree      int64  // free room in that buffer
	ArgvMem, MultiMem int64  // arguments of the command that is being parsed; of queued ones
	ReplyBuf          int64  // current and peak size of the reply buffer
	ReplyBufPeak      int64  //
	OutBuf            int64  // obl: reply bytes that wait to be sent
	OutList           int64  // oll: chunks of further reply bytes
	OutMem            int64  // omem: memory of those
	TotalMem          int64  // everything the connection uses
	Events            string // what its event loop waits for: r, w, rw
	Cmd               string // full name of the last command, NULL before the first
	User              string
	Redir             int64 // -1: no invalidation is redirected
	Resp              int   // 2 or 3
	LibName, LibVer   string
}
