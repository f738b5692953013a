package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc64"
	"strings"
	"testing"

	"github.com/weirmq/weir/stream"
)

// sealed returns a body with the trailer of a dump.
func sealed(body []byte) []byte {
	b := binary.LittleEndian.AppendUint16(bytes.Clone(body), dumpVersion)
	return binary.LittleEndian.AppendUint64(b, crc64.Checksum(b, dumpTable))
}

// keyspaceToDump has a key of each kind that there are golden records of, and a string.
func keyspaceToDump(t testing.TB) *Tx {
	k := NewKeyspace(stream.Config{})
	for i, r := range goldenRecords(t) {
		if err := k.Apply(uint64(i+1), r); err != nil {
			t.Fatal(err)
		}
	}
	tx := NewTx(k)
	tx.Begin(0, 1000)
	tx.Put([]byte("string"), Value{Kind: KindString, Packed: []byte("text"), Edited: true})
	return tx
}

func TestWhatADumpRestoresIsWhatWasDumped(t *testing.T) {
	tx := keyspaceToDump(t)
	tx.Scan(0, 1000, func(key []byte, v Value) {
		dump, err := tx.Dump(key)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tx.ParseDump(dump)
		if err != nil {
			t.Fatalf("%q: %v", key, err)
		}
		want := digestValue(v)
		if s, ok := v.Object.(*Stream); ok && s.Idempotency() != nil {
			want = strings.Replace(want, fmt.Sprintf(" %+v", s.Idempotency().Stats()), "", 1) // is not in it
		}
		if got.Kind != v.Kind || got.Edited != v.Edited || digestValue(got) != want {
			t.Errorf("%q:\n%s\nwant\n%s", key, digestValue(got), want)
		}
	})
	if dump, err := tx.Dump([]byte("nothing")); dump != nil || err != nil {
		t.Errorf("of a key that is not there: %q, %v", dump, err)
	}
}

func TestADumpThatWasChangedIsRefused(t *testing.T) {
	tx := keyspaceToDump(t)
	dump, _ := tx.Dump([]byte("string"))
	foreign := bytes.Clone(dump)
	foreign[len(foreign)-dumpTrailer] = 10 // as Redis writes it, high byte included
	foreign[len(foreign)-dumpTrailer+1] = 0
	cases := [][]byte{nil, dump[:len(dump)-1], dump[1:], foreign, make([]byte, dumpTrailer), []byte("text")}
	for i := range dump {
		changed := bytes.Clone(dump)
		changed[i] ^= 0x10
		cases = append(cases, changed)
	}
	for _, dump := range cases {
		if _, err := tx.ParseDump(dump); !errors.Is(err, ErrForeignDump) {
			t.Errorf("%x: %v", dump, err)
		}
	}
}

func TestADumpThatLiesIsRefused(t *testing.T) {
	var totals stream.Totals
	tx := NewTx(NewKeyspace(stream.Config{Totals: &totals}))
	tx.Begin(0, 0)
	huge := binary.AppendUvarint(nil, 1<<62)
	for name, body := range map[string][]byte{
		"nothing":                      {0, 0},
		"of no kind":                   {200, 0},
		"with flags that do not exist": {byte(KindString), 0x80, formPacked, 1, 'x'},
		"of an unknown form":           {byte(KindString), 0, 7, 1, 'x'},
		"longer than it is":            append([]byte{byte(KindString), 0, formPacked}, huge...),
		"with more behind":             {byte(KindString), 0, formPacked, 1, 'x', 'y'},
		"entries that are not there":   append([]byte{byte(KindStream), 0}, huge...),
		"an entry at 0-0":              {byte(KindStream), 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0},
		"entries out of order":         {byte(KindStream), 0, 2, 1, 0, 0, 1, 0, 0, 1, 0, 2, 0, 0, 0},
		"a field without value":        {byte(KindStream), 0, 1, 1, 0, 1, 1, 'f', 1, 0, 1, 0, 0, 0},
		"fields that are not there":    append([]byte{byte(KindStream), 0, 1, 1, 0}, huge...),
		"a last ID below an entry":     {byte(KindStream), 0, 1, 2, 0, 0, 1, 0, 1, 0, 0, 0},
		"fewer added than there are":   {byte(KindStream), 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0},
		"groups that are not there":    {byte(KindStream), 0, 0, 1, 0, 0, 0, 0, 1},
		"a stream with more behind":    {byte(KindStream), 0, 0, 1, 0, 0, 0, 0, 0, 9},
	} {
		if v, err := tx.ParseDump(sealed(body)); !errors.Is(err, ErrDamagedDump) {
			t.Errorf("%s: %v, %v", name, v, err)
		}
	}
	if totals.Memory != 0 || totals.Blocks != 0 {
		t.Errorf("what was refused still counts: %+v", totals)
	}
}

// FuzzParseDump hands ParseDump values that somebody has made, with a checksum that is right: it must end, without a panic,
// and so must whoever looks at the value.
func FuzzParseDump(f *testing.F) {
	tx := keyspaceToDump(f)
	tx.Scan(0, 1000, func(key []byte, _ Value) {
		dump, err := tx.Dump(key)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(dump[:len(dump)-dumpTrailer])
	})
	f.Fuzz(func(t *testing.T, body []byte) {
		tx := NewTx(NewKeyspace(stream.Config{}))
		tx.Begin(0, 0)
		v, err := tx.ParseDump(sealed(body))
		if err != nil {
			return
		}
		tx.Put([]byte("k"), v)
		if again := tx.Record(); len(again) > 0 {
			k := NewKeyspace(stream.Config{})
			if err := k.Apply(1, again); err != nil || digest(k) != digest(tx.keyspace) {
				t.Errorf("replayed (%v):\n%s\nwant\n%s", err, digest(k), digest(tx.keyspace))
			}
		}
	})
}
