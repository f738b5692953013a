package state

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirmq/weir/internal/data"
	"github.com/weirmq/weir/stream"
)

func randomString(t *rapid.T) []byte {
	n := rapid.SampledFrom([]int{0, 1, 20, 45, 1000, data.MaxPackedString, data.MaxPackedString + 1, 200_000}).Draw(t, "length")
	return bytes.Repeat([]byte{rapid.Byte().Draw(t, "byte")}, n)
}

func randomStringWork(t *rapid.T, tx *Tx) {
	key := fmt.Appendf(nil, "k%d", rapid.IntRange(0, 3).Draw(t, "key"))
	s, err := tx.String(key)
	until := Until{Keep: rapid.Bool().Draw(t, "keep"), AtMS: rapid.SampledFrom([]int64{0, 5, 1 << 40}).Draw(t, "at")}
	switch op := rapid.IntRange(0, 9).Draw(t, "op"); {
	case op < 2:
		tx.StringSet(key, randomString(t), until)
	case op == 2:
		tx.StringSetNumber(key, rapid.Int64().Draw(t, "number"))
	case op == 3 && err == nil && s.Exists():
		tx.StringAppend(key, randomString(t))
	case op < 6 && err == nil:
		tx.StringWrite(key, rapid.SampledFrom([]int{0, 3, 70_000, 400_000}).Draw(t, "offset"), randomString(t))
	case op == 6 && err == nil && s.Len() > 0:
		how := rapid.SampledFrom([]data.BitOp{data.BitAnd, data.BitOr, data.BitXor}).Draw(t, "how")
		tx.StringCombine([]byte("combined"), how, [][]byte{key, []byte("combined"), []byte("none")})
	case op == 7:
		tx.HLLAdd([]byte("h"), [][]byte{randomString(t), key})
	case op == 8:
		tx.Delete(key)
	case op == 9 && err == nil && !s.Exists():
		tx.StreamAppend(key, stream.ID{MS: 1}, nil)
	}
}

func TestDamagedChangesOfStringsAreRefused(t *testing.T) {
	head := func(kind byte, key string) []byte { return appendHead(nil, kind, 0, []byte(key)) }
	k := NewKeyspace(stream.Config{})
	tx := NewTx(k)
	tx.Begin(0, 0)
	tx.StringSet([]byte("s"), []byte("v"), Until{})
	tx.StreamAppend([]byte("x"), stream.ID{MS: 1}, nil)
	far := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}
	for name, record := range map[string][]byte{
		"unknown flags":         append(head(changeStringSet, "s"), 8, 1, 'a'),
		"no value":              append(head(changeStringSet, "s"), 0),
		"no expiry":             append(head(changeStringSet, "s"), setExpires),
		"append to nothing":     append(head(changeStringAppend, "none"), 1, 'a'),
		"append to other":       append(head(changeStringAppend, "x"), 1, 'a'),
		"write to other":        append(head(changeStringWrite, "x"), 0, 1, 'a'),
		"write far away":        append(append(head(changeStringWrite, "s"), far...), 1, 'a'),
		"combine none":          append(head(changeStringCombine, "s"), 0, 0),
		"combine how":           append(head(changeStringCombine, "s"), 9, 1, 0),
		"the opposite of two":   append(head(changeStringCombine, "s"), byte(data.BitNot), 2, 0, 0),
		"combine what is other": append(head(changeStringCombine, "s"), 0, 1, 1, 1, 'x'),
		"combine what is not":   append(head(changeStringCombine, "s"), 0, 1, 1, 1, 'n'),
		"combine many":          append(append(head(changeStringCombine, "s"), 0), far...),
		"raise what is none":    append(head(changeHLLRaise, "s"), 1, 0, 1),
		"raise no register":     append(head(changeHLLRaise, "h"), 1, 0xff, 0xff, 3, 1),
		"raise too high":        append(head(changeHLLRaise, "h"), 1, 0, 60),
		"raise many":            append(head(changeHLLRaise, "h"), far...),
	} {
		if err := k.Apply(9, record); !errors.Is(err, ErrDamagedChange) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzApplyStringChange(f *testing.F) {
	tx := NewTx(NewKeyspace(stream.Config{}))
	tx.Begin(0, 0)
	tx.StringSet([]byte("s"), []byte("v"), Until{AtMS: 9})
	tx.StringAppend([]byte("s"), []byte("w"))
	tx.StringWrite([]byte("s"), 70_000, []byte("w"))
	tx.StringCombine([]byte("c"), data.BitXor, [][]byte{[]byte("s"), []byte("none")})
	tx.HLLAdd([]byte("h"), [][]byte{[]byte("a"), []byte("b")})
	f.Add(bytes.Clone(tx.Record()))
	f.Fuzz(func(t *testing.T, record []byte) {
		k := NewKeyspace(stream.Config{})
		if err := k.Apply(1, record); err != nil && !errors.Is(err, ErrUnknownChange) && !errors.Is(err, ErrDamagedChange) {
			t.Errorf("an error without a name: %v", err)
		}
	})
}
