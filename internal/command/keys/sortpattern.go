package keys

import (
	"bytes"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
)

// pattern says what BY and GET of SORT look up for an element, in whose place the first * stands:
//
//	weight_*          the string at a key
//	object_*->weight  a field of the hash at a key
//	#                 the element itself
//
// One without a * finds nothing.
type pattern []byte

var elementItself = []byte("#")

// look returns what a pattern finds for an element. It is valid until the next change.
func (p pattern) look(c *command.Call, element []byte) ([]byte, bool) {
	if bytes.Equal(p, elementItself) {
		return element, true
	}
	before, after, found := bytes.Cut(p, []byte{'*'})
	if !found {
		return nil, false
	}
	key, field, _ := bytes.Cut(after, []byte("->"))
	if len(field) == 0 {
		key = after
	}
	key = bytes.Join([][]byte{before, element, key}, nil)
	switch v := c.Tx.Lookup(key); {
	case len(field) > 0 && v.Kind == state.KindHash:
		return hashOf(v, c.NowMS).Get(field)
	case len(field) == 0 && v.Kind == state.KindString:
		return stringOf(v).Flat(), true
	default:
		return nil, false
	}
}
