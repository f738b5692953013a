package streams

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/weirmq/weir/internal/command"
)

// producer is the part of XADD by which sending the same entry again is recognised: IDMP names the entry, IDMPAUTO
// leaves it to the entry's content. Both share one space of names per producer.
type producer struct {
	kind producerKind
	pid  []byte
	iid  []byte // of IDMP
}

type producerKind uint8

const (
	producerNone producerKind = iota
	producerNamed
	producerAuto
)

const (
	errProducerTwice     command.Error = "ERR syntax error, IDMP/IDMPAUTO specified multiple times"
	errProducerAutoEmpty command.Error = "ERR syntax error, IDMPAUTO requires a non-empty producer ID"
	errProducerEmpty     command.Error = "ERR syntax error, IDMP requires a non-empty producer ID"
	errProducerNoIID     command.Error = "ERR syntax error, IDMP requires a non-empty idempotent ID"
	errProducerID        command.Error = "ERR syntax error, IDMP/IDMPAUTO can be used only with auto-generated IDs"
)

func (p *producer) given() bool { return p.kind != producerNone }

// parseOption takes IDMPAUTO pid or IDMP pid iid.
func (p *producer) parseOption(args [][]byte) (taken int, err error) {
	var kind producerKind
	switch {
	case len(args) > 1 && command.EqualFold(args[0], "IDMPAUTO"):
		kind, taken = producerAuto, 2
	case len(args) > 2 && command.EqualFold(args[0], "IDMP"):
		kind, taken = producerNamed, 3
	default:
		return 0, nil
	}
	switch {
	case p.given():
		return 0, errProducerTwice
	case len(args[1]) == 0 && kind == producerAuto:
		return 0, errProducerAutoEmpty
	case len(args[1]) == 0:
		return 0, errProducerEmpty
	case kind == producerNamed && len(args[2]) == 0:
		return 0, errProducerNoIID
	}
	p.kind, p.pid = kind, args[1]
	if kind == producerNamed {
		p.iid = args[2]
	}
	return taken, nil
}

// name returns the producer's name of an entry: for IDMPAUTO a hash of its fields, each with its length before it, so
// that no two lists of fields look alike.
func (p *producer) name(fields [][]byte) []byte {
	if p.kind == producerNamed {
		return p.iid
	}
	return hashFields(fields)
}

func hashFields(fields [][]byte) []byte {
	h := sha256.New()
	var length [8]byte
	for _, f := range fields {
		binary.LittleEndian.PutUint64(length[:], uint64(len(f)))
		h.Write(length[:])
		h.Write(f)
	}
	return h.Sum(nil)[:16]
}
