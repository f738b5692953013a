package streams

import (
	"bytes"
	"errors"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/stream"
)

var xadd = command.Spec{
	Name: "xadd", Group: command.Streams, Since: "5.0.0", Arity: -5,
	Syntax: "key [NOMKSTREAM] [KEEPREF | DELREF | ACKED] [IDMPAUTO pid | IDMP pid iid] " +
		"[<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> field value [field value ...]",
	Summary:    "Append an entry to a stream.",
	Complexity: "O(1) for the entry, O(N) for N entries that are trimmed",
	Flags:      command.Write | command.DenyOOM | command.Fast,
	Keys:       command.KeyAt(1).Noted("UPDATE instead of INSERT because of the optional trimming feature"),
	Tips:       []string{"nondeterministic_output"},
	Run:        about(1, command.Handle(parseXAdd, runXAdd)),
}

// errArity is what the table says to too few arguments. Only here is the number of fields known.
const errArity command.Error = "ERR wrong number of arguments for 'xadd' command"

type xaddArgs struct {
	key          []byte
	fields       [][]byte // alternating names and values
	noMakeStream bool
	trim         trimming
	how          idKind
	id           stream.ID // Seq counts for idGiven only
	producer     producer
}

// idKind is how the entry's ID is found.
type idKind uint8

const (
	idAuto    idKind = iota // *
	idAutoSeq               // ms-*
	idGiven                 // ms or ms-seq
)

func parseXAdd(args command.Args) (xaddArgs, error) {
	a := xaddArgs{key: args[1]}
	at := 2
	for ; at < len(args); at++ {
		rest := args[at:]
		if special(rest[0]) == '*' {
			break
		}
		taken, err := a.parseOption(rest)
		if err != nil {
			return a, err
		}
		if taken == 0 {
			if err := a.parseID(rest[0]); err != nil {
				return a, err
			}
			break
		}
		at += taken - 1
	}
	if err := a.trim.finish(); err != nil {
		return a, err
	}
	if a.producer.given() && a.how != idAuto {
		return a, errProducerID
	}
	if n := len(args) - (at + 1); n < 2 || n%2 != 0 {
		return a, errArity
	}
	a.fields = args[at+1:]
	if a.how == idGiven && a.id == stream.MinID {
		return a, errZeroID
	}
	size := 0
	for _, f := range a.fields {
		size += len(f)
	}
	if size > stream.MaxEntryBytes {
		return a, errTooLarge
	}
	return a, nil
}

// parseOption takes the option that rest begins with, and returns how many arguments it was: none if it is the ID.
func (a *xaddArgs) parseOption(rest [][]byte) (taken int, err error) {
	// The common case is an ID: no option begins with a digit.
	if len(rest[0]) > 0 && rest[0][0] <= '9' {
		return 0, nil
	}
	if command.EqualFold(rest[0], "NOMKSTREAM") {
		a.noMakeStream = true
		return 1, nil
	}
	if taken, err = a.trim.parseOption(rest); taken > 0 || err != nil {
		return taken, err
	}
	return a.producer.parseOption(rest)
}

func (a *xaddArgs) parseID(arg []byte) error {
	a.how = idGiven
	if ms, ok := bytes.CutSuffix(arg, []byte("-*")); ok && bytes.IndexByte(ms, '-') < 0 {
		a.how, arg = idAutoSeq, ms
	}
	id, err := parseID(arg, 0)
	a.id = id
	return err
}

// fresh is what a stream is before its first entry. It is never changed.
var fresh = &state.Stream{Stream: stream.New(stream.Config{})}

func runXAdd(c *command.Call, a xaddArgs) error {
	s, err := c.Tx.Stream(a.key)
	if err != nil {
		return err
	}
	if s == nil {
		if a.noMakeStream {
			c.Out.Null()
			return nil
		}
		s = fresh
	}
	var iid []byte
	if a.producer.given() {
		iid = a.producer.name(a.fields)
		if id, ok := s.Idempotency().Lookup(a.producer.pid, iid, uint64(c.NowMS)); ok {
			c.Tx.StreamCountDuplicate(a.key)
			writeID(c, id)
			return nil
		}
	}
	id, err := a.decideID(s, c.NowMS)
	if err != nil {
		return err
	}
	trims := a.trim.by != trimNone
	if trims {
		if err := a.trim.rehearse(c, a.key, s, 1); isLost(err) {
			// Entries that cannot be read stand where the trim would end. The producer goes on, and so does trimming once
			// enough has come after them for all of them to go.
			trims = false
		} else if err != nil {
			return err
		}
	}
	c.Tx.StreamAppend(a.key, id, a.fields)
	if a.producer.given() {
		c.Tx.StreamRemember(a.key, a.producer.pid, iid, id, c.NowMS)
	}
	if trims {
		s, _ = c.Tx.Stream(a.key)
		if _, err := a.trim.apply(c, a.key, s); err != nil {
			return err
		}
	}
	writeID(c, id)
	return nil
}

func isLost(err error) bool {
	if err == nil {
		return false // errors.As takes memory
	}
	var lost *stream.LostError
	return errors.As(err, &lost)
}

func (a *xaddArgs) decideID(s *state.Stream, nowMS int64) (id stream.ID, err error) {
	switch a.how {
	case idAuto:
		id, err = s.NextID(uint64(nowMS))
	case idAutoSeq:
		id, err = s.NextSeq(a.id.MS)
	case idGiven:
		id, err = a.id, s.CheckID(a.id)
	}
	switch err {
	case stream.ErrNotAbove:
		err = errNotAbove
	case stream.ErrNoSeq:
		err = errTooLarge // what Redis says to that
	}
	return id, err
}
