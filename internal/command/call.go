package command

import (
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/resp"
)

// Handler runs one command: it writes one reply, parks the session with Call.Block, or returns an error.
type Handler func(*Call) error

// Execute runs a command whose arity is right. A reply that MaxReply leaves no room for is an error.
func (s *Spec) Execute(c *Call) error {
	if s.Flags&Write == 0 {
		c.Out.Limit(c.MaxReply)
	} else {
		c.Out.Limit(0)
	}
	err := s.Run(c)
	if err == nil && c.Out.Exceeded() {
		err = ErrResultTooLong
	}
	return err
}

// Handle joins the two halves of a command. A travels by value, so that a command allocates nothing.
func Handle[A any](parse func(Args) (A, error), run func(*Call, A) error) Handler {
	return func(c *Call) error {
		a, err := parse(c.Args)
		if err != nil {
			return err
		}
		return run(c, a)
	}
}

// Plain is a Handler for a command without arguments to parse.
func Plain(run func(*Call) error) Handler { return run }

// Args are a command's words; Args[0] is its name. For a subcommand Args[1] is its name. The bytes belong to the
// connection's read buffer: what outlives the call is copied.
type Args [][]byte

// Call is one execution of a command. It belongs to the holder of the state lock.
type Call struct {
	Args    Args
	Out     *resp.Writer
	Tx      *state.Tx
	Session *Session
	NowMS   int64 // unix milliseconds; the same for everything that one command decides
	// Random returns a number in [0, n); n is not 0. It is the only source of chance there is: what it has decided is in the
	// changes, so that replay needs none.
	Random func(n uint64) uint64
	// MaxReply is how many bytes a reply may have, and one string more; 0: any number. Out refuses what is beyond it if the
	// command changes nothing. One that does must not find out when it has: it asks before, or returns less.
	MaxReply int
	// ReadOnly says that nothing can be logged now, so that a command that reads, and would keep what it found out, must not.
	ReadOnly bool

	// Wait is set by Block and read by the dispatcher.
	Wait *Wait

	// For the reader of a blocked session (Wait.Again). Changed is the index in Wait.Keys of the key that has
	// changed, so that a reader that finds nothing there leaves its session waiting without a look at the others; -1: any
	// may have. One that is named twice is -1, too.
	// RetryMS is Wait.RetryMS anew, set each time by a reader that leaves its session waiting; if it looked at one key
	// only, for that key.
	Changed int
	RetryMS int64
}

// Fits refuses a result of more bytes than a reply may have.
func (c *Call) Fits(bytes int) error {
	if c.MaxReply > 0 && bytes > c.MaxReply {
		return ErrResultTooLong
	}
	return nil
}

// MaxReply is Call.MaxReply of a broker, in bytes: room for the longest string there is, and its frame. One key named again and
// again would make a reply of any length out of a short command.
const MaxReply = 1<<30 + 64

// MaxBulks is how many strings fit into a reply, in bytes that each takes at least.
const MaxBulks = MaxReply / len("$0\r\n\r\n")

// Wait is what a blocked session waits for.
type Wait struct {
	Keys      [][]byte // in the session's database; they alias Args, the broker copies
	TimeoutMS int64    // 0: for ever
	// Class says what the session looks for at each of its keys: a group, and from which idle time on it claims. Sessions of
	// one class find the same, so that when one has found nothing, those behind it are not run. Empty: no such promise.
	Class string
	// RetryMS is when the reader runs again even if no key has changed, in unix milliseconds; 0: never. Sessions of one class
	// share it. A delivery to somebody else is no change.
	RetryMS int64
	// Again makes the reader that runs, under the state lock, when one of Keys has changed. It is called once, when
	// the session is parked, and must copy whatever it needs of the arguments. The reader writes a reply and returns
	// true, or leaves the session waiting. An error is the reply too.
	Again func() func(*Call) (done bool, err error)
	// Timeout writes the reply of a wait that was in vain.
	Timeout func(*resp.Writer)
}

// DistinctKeys returns keys without those that were named before. A reader that takes something from the key that has changed
// waits for them, so that it is told which one that is (Call.Changed): at another key others may stand before it.
func DistinctKeys(keys [][]byte) [][]byte {
	if len(keys) < 2 {
		return keys
	}
	seen := make(map[string]bool, len(keys))
	distinct := make([][]byte, 0, len(keys))
	for _, key := range keys {
		if !seen[string(key)] {
			seen[string(key)] = true
			distinct = append(distinct, key)
		}
	}
	return distinct
}

// Block parks the session. The handler returns right after, without having written a reply.
func (c *Call) Block(w Wait) { c.Wait = &w }

// Session is what a connection has said about itself. It is guarded by the state lock.
type Session struct {
	ID            int64
	DB            int
	Name          string
	LibName       string
	LibVer        string
	User          string // "default" once authenticated
	Authenticated bool
	Addr, Laddr   string
	NoEvict       bool
	NoTouch       bool // keys that its commands look at do not count as used
}
