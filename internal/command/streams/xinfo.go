package streams

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/stream"
)

var xinfo = command.WithHelp(command.Spec{
	Name: "xinfo", Group: command.Streams, Since: "5.0.0", Arity: -2,
	Summary: "Look into streams.",
	Sub:     []command.Spec{xinfoConsumers, xinfoGroups, xinfoStream},
}, "5.0.0")

var xinfoStream = command.Spec{
	Name: "stream", Since: "5.0.0", Arity: -3,
	Syntax:  "key [FULL [COUNT count]]",
	Summary: "Return the length, the IDs and the counters of a stream, and its first and last entries.",
	Flags:   command.ReadOnly,
	Keys:    command.KeyAt(2),
	Run:     about(2, command.Handle(parseXInfoStream, runXInfoStream)),
}

type xinfoStreamArgs struct {
	key   []byte
	full  bool
	count uint64 // of FULL; 0: all
	// err is what is wrong with the options. It matters only if there is a stream.
	err error
}

// defaultFullCount is how many entries FULL shows.
const defaultFullCount = 10

func parseXInfoStream(args command.Args) (xinfoStreamArgs, error) {
	a := xinfoStreamArgs{key: args[2], count: defaultFullCount}
	options := args[3:]
	if len(options) == 0 {
		return a, nil
	}
	if len(options) != 1 && len(options) != 3 || !command.EqualFold(options[0], "FULL") ||
		len(options) == 3 && !command.EqualFold(options[1], "COUNT") {
		a.err = command.Errorf("ERR unknown subcommand or wrong number of arguments for '%s'. Try XINFO HELP.", command.Printable(args[1], 128))
		return a, nil
	}
	a.full = true
	if len(options) == 3 {
		n, err := command.ParseInt(options[2])
		if n >= 0 {
			a.count = uint64(n)
		}
		a.err = err
	}
	return a, nil
}

func runXInfoStream(c *command.Call, a xinfoStreamArgs) error {
	s, err := c.Tx.Stream(a.key)
	if err != nil {
		return err
	}
	if s == nil {
		return command.ErrNoSuchKey
	}
	if a.err != nil {
		return a.err
	}
	fields := 10
	if a.full {
		fields = 9
	}
	idempotency := s.Idempotency()
	if idempotency != nil {
		fields += 6
	}
	c.Out.Map(fields)
	var w wanting
	if w.stops(writeCounters(c, s)) {
		return w.err
	}
	if idempotency != nil {
		writeIdempotency(c, idempotency.Stats())
	}
	if a.full {
		w.stops(writeFull(c, s, a.count))
	} else {
		w.stops(writeEdges(c, s))
	}
	return w.err
}

func writeInt(c *command.Call, name string, n uint64) {
	c.Out.BulkString(name)
	c.Out.Int(int64(n))
}

// writeCounters writes the fields that both forms share. Where Redis has a radix tree with a key per listpack, there is
// a list of blocks: its keys are the blocks, and its nodes are those and the list.
func writeCounters(c *command.Call, s *state.Stream) error {
	first, _, err := s.First()
	writeInt(c, "length", s.Len())
	writeInt(c, "radix-tree-keys", uint64(s.Blocks()))
	writeInt(c, "radix-tree-nodes", uint64(s.Blocks())+1)
	c.Out.BulkString("last-generated-id")
	writeID(c, s.LastID())
	c.Out.BulkString("max-deleted-entry-id")
	writeID(c, s.MaxDeletedID())
	writeInt(c, "entries-added", s.EntriesAdded())
	c.Out.BulkString("recorded-first-entry-id")
	writeID(c, first)
	return err
}

// writeIdempotency writes what Redis has since 8.6. It is left out for streams that never had idempotent producers, for
// some client libraries refuse fields that they do not know.
func writeIdempotency(c *command.Call, stats stream.IdempotencyStats) {
	writeInt(c, "idmp-duration", uint64(stats.Seconds))
	writeInt(c, "idmp-maxsize", uint64(stats.MaxSize))
	writeInt(c, "pids-tracked", uint64(stats.Producers))
	writeInt(c, "iids-tracked", uint64(stats.IIDs))
	writeInt(c, "iids-added", stats.Added)
	writeInt(c, "iids-duplicates", stats.Duplicates)
}

func writeEdges(c *command.Call, s *state.Stream) error {
	var w wanting
	writeInt(c, "groups", uint64(s.Groups.Len()))
	c.Out.BulkString("first-entry")
	it := s.Range(stream.MinID, stream.MaxID)
	if w.stops(writeOne(c, &it)) {
		return w.err
	}
	c.Out.BulkString("last-entry")
	it = s.Reverse(stream.MinID, stream.MaxID)
	w.stops(writeOne(c, &it))
	return w.err
}

func writeOne(c *command.Call, it *stream.Iter) error {
	if !it.Next() {
		c.Out.Null()
		return it.Err()
	}
	e := emitter{out: c.Out}
	e.entry(it)
	e.flush()
	return nil
}
