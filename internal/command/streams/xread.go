package streams

import (
	"bytes"
	"slices"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/resp"
	"github.com/weirmq/weir/stream"
)

var xread = command.Spec{
	Name: "xread", Group: command.Streams, Since: "5.0.0", Arity: -4,
	Syntax: "[COUNT count] [MAXCOUNT count] [MAXSIZE bytes] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]",
	Summary: "Return the entries of several streams above the IDs given, of each stream one. " +
		"May wait until there are any.",
	Complexity: "O(log M + N) per stream, for N entries out of M",
	Flags:      command.ReadOnly | command.Blocking | command.MovableKeys,
	Keys:       command.KeysAfter("STREAMS", 1),
	Run:        command.Handle(parseXRead, runXRead),
}

type xreadArgs struct {
	keys, ids [][]byte
	limits    readLimits
	block     bool
	blockMS   int64 // 0: for ever
}

// readLimits bound what one read returns. 0 is no bound.
type readLimits struct {
	count    uint64 // entries per stream
	maxCount uint64 // entries of all streams together
	maxSize  uint64 // bytes of the reply; a first entry that is larger comes nevertheless
}

// maxBlockMS is as good as for ever, and leaves room for adding a clock to it.
const maxBlockMS = 1 << 42

const (
	errTimeout         command.Error = "ERR timeout is not an integer or out of range"
	errTimeoutNegative command.Error = "ERR timeout is negative"
	errUnbalanced      command.Error = "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified."
	errNewID           command.Error = "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option."
	errMaxCount        command.Error = "ERR MAXCOUNT must be a positive integer"
	errMaxCountBelow   command.Error = "ERR MAXCOUNT must be at least COUNT"
	errMaxSize         command.Error = "ERR MAXSIZE must be a positive integer"
)

func parseXRead(args command.Args) (xreadArgs, error) {
	var a xreadArgs
	for at := 1; at < len(args); at++ {
		option, more := args[at], len(args)-at-1
		var err error
		switch {
		case more > 0 && command.EqualFold(option, "STREAMS"):
			rest := args[at+1:]
			if len(rest)%2 != 0 {
				return a, errUnbalanced
			}
			a.keys, a.ids = rest[:len(rest)/2], rest[len(rest)/2:]
			if a.limits.maxCount > 0 && a.limits.maxCount < a.limits.count {
				return a, errMaxCountBelow
			}
			return a, nil
		case more > 0 && command.EqualFold(option, "BLOCK"):
			a.block = true
			a.blockMS, err = parseTimeout(args[at+1])
		case more > 0 && command.EqualFold(option, "COUNT"):
			var n int64
			n, err = command.ParseInt(args[at+1])
			a.limits.count = uint64(max(n, 0))
		case more > 0 && command.EqualFold(option, "MAXCOUNT"):
			a.limits.maxCount, err = parsePositive(args[at+1], errMaxCount)
		case more > 0 && command.EqualFold(option, "MAXSIZE"):
			a.limits.maxSize, err = parsePositive(args[at+1], errMaxSize)
		default:
			return a, foreignOption(option, more)
		}
		if err != nil {
			return a, err
		}
		at++
	}
	return a, command.ErrSyntax
}

// foreignOption is the error for a word that is no option of XREAD.
func foreignOption(option []byte, more int) error {
	for name, arguments := range map[string]int{"GROUP": 2, "NOACK": 0, "CLAIM": 1} {
		if more >= arguments && command.EqualFold(option, name) {
			return command.Errorf("ERR The %s option is only supported by XREADGROUP. You called XREAD instead.", name)
		}
	}
	return command.ErrSyntax
}

func parseTimeout(arg []byte) (int64, error) {
	ms, err := command.ParseInt(arg)
	switch {
	case err != nil:
		return 0, errTimeout
	case ms < 0:
		return 0, errTimeoutNegative
	}
	return min(ms, maxBlockMS), nil
}

func parsePositive(arg []byte, otherwise error) (uint64, error) {
	n, err := command.ParseInt(arg)
	if err != nil || n <= 0 {
		return 0, otherwise
	}
	return uint64(n), nil
}

// source is one stream to read, and the ID above which.
type source struct {
	key   []byte
	above stream.ID
}

func runXRead(c *command.Call, a xreadArgs) error {
	var few [8]source // so that reading a few streams allocates nothing
	sources := few[:0]
	for i, key := range a.keys {
		s, err := c.Tx.Stream(key)
		if err != nil {
			return err
		}
		above, err := resolveID(a.ids[i], s)
		if err != nil {
			return err
		}
		sources = append(sources, source{key, above})
	}
	done, err := readOnce(c, sources, a.limits)
	if done || err != nil {
		return err
	}
	if !a.block {
		c.Out.NullArray()
		return nil
	}
	park(c, a, slices.Clone(sources))
	return nil
}

// resolveID turns an ID of XREAD into the one above which to read: "$" is the stream's last ID, "+" the one below its
// last entry. s is nil if there is no stream.
func resolveID(arg []byte, s *state.Stream) (stream.ID, error) {
	if len(arg) == 1 {
		switch arg[0] {
		case '>':
			return stream.ID{}, errNewID
		case '$', '+':
			if s == nil {
				return stream.ID{}, nil
			}
			if last, ok := s.Last(); ok && arg[0] == '+' {
				last, _ = last.Prev()
				return last, nil
			}
			return s.LastID(), nil
		}
	}
	return parseID(arg, 0)
}

// park makes the session wait for entries. The sources' IDs are resolved: what "$" was is what it stays.
func park(c *command.Call, a xreadArgs, sources []source) {
	c.Block(command.Wait{
		Keys:      a.keys,
		TimeoutMS: a.blockMS,
		Again: func() func(*command.Call) (bool, error) {
			for i := range sources {
				sources[i].key = bytes.Clone(sources[i].key)
			}
			return func(c *command.Call) (bool, error) { return readOnce(c, sources, a.limits) }
		},
		Timeout: (*resp.Writer).NullArray,
	})
}

// readOnce replies with the entries above the sources' IDs and returns true, or writes nothing and returns false if
// there are none.
func readOnce(c *command.Call, sources []source, limits readLimits) (bool, error) {
	r := reading{out: c.Out, start: c.Out.Mark(), limits: limits}
	if len(sources) == 1 {
		r.header(1) // the common case needs no inserting
	}
	for _, src := range sources {
		s, err := c.Tx.Stream(src.key)
		if err != nil {
			return true, err
		}
		if s != nil {
			r.add(src, s)
		}
	}
	switch {
	case r.streams == 0:
		c.Out.Truncate(r.start)
		return false, nil
	case len(sources) == 1:
	case c.Out.Protocol() == 3:
		c.Out.InsertMap(r.start, r.streams)
	default:
		c.Out.InsertArray(r.start, r.streams)
	}
	return true, nil
}

// reading is a reply in the making: a map of keys and their entries in RESP3, an array of pairs in RESP2.
type reading struct {
	out     *resp.Writer
	start   int // where the reply begins
	limits  readLimits
	streams int
	entries uint64
	full    bool // a limit on everything was reached
}

func (r *reading) header(streams int) {
	if r.out.Protocol() == 3 {
		r.out.Map(streams)
	} else {
		r.out.Array(streams)
	}
}

// add writes the entries of one stream, unless there are none or nothing more is wanted.
func (r *reading) add(src source, s *state.Stream) {
	from, ok := src.above.Next()
	if last, live := s.Last(); r.full || !ok || !live || last.Less(from) {
		return
	}
	mark := r.out.Mark()
	if r.out.Protocol() != 3 {
		r.out.Array(2)
	}
	r.out.Bulk(src.key)
	list := r.out.Mark()
	n := r.addEntries(s, from)
	if n == 0 {
		r.out.Truncate(mark)
		return
	}
	r.out.InsertArray(list, n)
	r.streams++
}

// addEntries writes the stream's entries from an ID on, as far as the limits allow.
func (r *reading) addEntries(s *state.Stream, from stream.ID) (n int) {
	e := emitter{out: r.out}
	for it := s.Range(from, stream.MaxID); (r.limits.count == 0 || uint64(n) < r.limits.count) && r.wants() && it.Next(); n++ {
		if r.limits.maxSize > 0 {
			e.flush() // so that the entry can be taken back
		}
		before := r.out.Mark()
		e.entry(&it)
		if r.limits.maxSize > 0 && r.entries > 0 && uint64(r.out.Mark()+e.n-r.start) > r.limits.maxSize {
			e.n = 0
			r.out.Truncate(before)
			r.full = true
			break
		}
		r.entries++
	}
	e.flush()
	return n
}

// wants reports whether the limit on all entries leaves room for one more.
func (r *reading) wants() bool {
	if r.limits.maxCount > 0 && r.entries >= r.limits.maxCount {
		r.full = true
	}
	return !r.full
}
