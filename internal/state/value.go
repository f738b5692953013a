package state

import "errors"

// Kind is what a key holds. The numbers stand in checkpoints: they are never given to another kind.
type Kind byte

// Kinds of values.
const (
	None Kind = iota
	KindStream
	KindString
	KindList
	KindHash
	KindSet
	KindZSet
)

var kindNames = [...]string{"none", "stream", "string", "list", "hash", "set", "zset"}

// String returns the word that TYPE answers.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// Value is what a key holds: bytes if it is small, else an object. It aliases the keyspace and is valid until the next
// change. The zero Value is that of a key that is not there.
type Value struct {
	Kind   Kind
	Edited bool   // a string that was changed in place since it was set: it is raw, however short
	Packed []byte // nil if there is an Object
	Object any    // *Stream, or the large form of a value of internal/data
}

// Exists reports whether there is a value.
func (v Value) Exists() bool { return v.Kind != None }

// ErrWrongType means that a key holds another kind of value than the operation is for.
var ErrWrongType = errors.New("operation against a key holding the wrong kind of value")
