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
	Flags:      command.ReadOnly | command.Blocking,
	Keys:       command.KeysAfter("STREAMS", 1),
	Run:        command.Handle(parseXRead, runXRead),
}

type xreadArgs struct {
	keys, ids [][]byte
	limits    readLimits
	block     bool
	blockMS   int64 // 0: for ever
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
	for at := 1; at < len(args); {
		option, more := args[at], len(args)-at-1
		if more > 0 && command.EqualFold(option, "STREAMS") {
			return a, a.parseStreams(args[at+1:])
		}
		taken, err := a.parseOption(args[at:])
		if err == nil && taken == 0 {
			err = foreignOption(option, more)
		}
		if err != nil {
			return a, err
		}
		at += taken
	}
	return a, command.ErrSyntax
}

// parseOption takes the option that args begins with, if it is one that XREAD and XREADGROUP share, and returns how many
// arguments it was.
func (a *xreadArgs) parseOption(args [][]byte) (taken int, err error) {
	if len(args) < 2 {
		return 0, nil
	}
	switch option, value := args[0], args[1]; {
	case command.EqualFold(option, "BLOCK"):
		a.block = true
		a.blockMS, err = parseTimeout(value)
	case command.EqualFold(option, "COUNT"):
		var n int64
		n, err = command.ParseInt(value)
		a.limits.count = uint64(max(n, 0))
	case command.EqualFold(option, "MAXCOUNT"):
		a.limits.maxCount, err = parsePositive(value, errMaxCount)
	case command.EqualFold(option, "MAXSIZE"):
		a.limits.maxSize, err = parsePositive(value, errMaxSize)
	default:
		return 0, nil
	}
	return 2, err
}

// parseStreams takes what follows STREAMS: keys, and as many IDs.
func (a *xreadArgs) parseStreams(args [][]byte) error {
	if len(args)%2 != 0 {
		return errUnbalanced
	}
	a.keys, a.ids = args[:len(args)/2], args[len(args)/2:]
	if a.limits.maxCount > 0 && a.limits.maxCount < a.limits.count {
		return errMaxCountBelow
	}
	return nil
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
	var w wanting
	for i, key := range a.keys {
		s, err := c.Tx.Stream(key)
		if err != nil {
			return err
		}
		above, err := resolveID(a.ids[i], s)
		if w.stops(command.Lost(key, err)) {
			return w.err
		}
		sources = append(sources, source{key, above})
	}
	if w.err != nil {
		return w.err
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
	switch sign := special(arg); sign {
	case '>':
		return stream.ID{}, errNewID
	case '$', '+':
		if s == nil {
			return stream.ID{}, nil
		}
		if sign == '$' || s.Len() == 0 {
			return s.LastID(), nil
		}
		last, _, err := s.Last()
		last, _ = last.Prev()
		return last, err
	}
	return parseID(arg, 0)
}

// park makes the session wait for entries. The sources' IDs are resolved: what "$" was is what it stays.
func park(c *command.Call, a xreadArgs, sources []source) {
	c.Block(command.Wait{
		Keys:      a.keys,
		TimeoutMS: a.blockMS,
		Again: func() func(*command.Call) (bool, error) {
			limits := a.limits
			cloneKeys(sources)
			return func(c *command.Call) (bool, error) {
				changed := sources
				if c.Changed >= 0 { // nothing is at the other keys, unless this one, too, has something
					changed = sources[c.Changed : c.Changed+1]
				}
				if !someAbove(c, changed) {
					return false, nil
				}
				return readOnce(c, sources, limits)
			}
		},
		Timeout: (*resp.Writer).NullArray,
	})
}

// someAbove reports whether there is an entry above the ID of some source, or that cannot be told without reading a file. A key
// that holds something else may hold a stream again.
func someAbove(c *command.Call, sources []source) bool {
	for _, src := range sources {
		if s, err := c.Tx.Stream(src.key); err == nil && s != nil {
			if some, err := above(s, src.above); some || err != nil {
				return true
			}
		}
	}
	return false
}

// cloneKeys makes the sources outlive the command.
func cloneKeys(sources []source) {
	for i := range sources {
		sources[i].key = bytes.Clone(sources[i].key)
	}
}

// readOnce replies with the entries above the sources' IDs and returns true, or writes nothing and returns false if
// there are none.
func readOnce(c *command.Call, sources []source, limits readLimits) (bool, error) {
	var r reading
	var w wanting
	r.begin(c, limits, len(sources))
	for _, src := range sources {
		s, err := c.Tx.Stream(src.key)
		if err == nil && s != nil {
			err = command.Lost(src.key, r.add(src, s))
		}
		if w.stops(err) {
			break
		}
	}
	return r.finish(len(sources)), w.err
}
