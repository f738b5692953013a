package store

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/vfs"
	"github.com/weirmq/weir/stream"
)

// reseal gives bytes the magic and the checksums of a record, so that what is behind them is reached; the fuzzer would not
// find them by chance.
func reseal(b []byte, seed, offset uint32) {
	if len(b) < headBytes {
		return
	}
	copy(b, recordMagic)
	seed = seedAt(seed, offset)
	if key := binary.LittleEndian.Uint32(b[24:]); key <= uint32(len(b)-headBytes) {
		binary.LittleEndian.PutUint32(b[headCRC:], headSum(seed, b, int(key)))
	}
	binary.LittleEndian.PutUint32(b[recordCRC:], recordSum(seed, b))
}

// TestAHeadThatLiesIsRefusedBeforeItIsBelieved changes one number of a record and makes its checksums right.
func TestAHeadThatLiesIsRefusedBeforeItIsBelieved(t *testing.T) {
	const offset = 40
	seed := seedOf(testID, 1)
	record := func(content []byte) []byte {
		b, _ := appendRecord(nil, seed, offset, &Block{Key: []byte("key"), Body: bodyOf(t, content)}, new([]byte))
		return b
	}
	compressed, plain := record(make([]byte, 500)), record([]byte("x"))
	number := func(at int, change uint32) func([]byte) []byte {
		return func(b []byte) []byte {
			binary.LittleEndian.PutUint32(b[at:], binary.LittleEndian.Uint32(b[at:])+change)
			return b
		}
	}
	const (
		lengths = "the head of the record has impossible lengths"
		other   = "where"
		corrupt = "the record cannot be decompressed"
	)
	for name, c := range map[string]struct {
		record []byte
		change func([]byte) []byte
		want   string
	}{
		"nothing":                    {compressed, number(8, 0), ""},
		"nothing, plain":             {plain, number(8, 0), ""},
		"raw is one more":            {compressed, number(8, 1), corrupt},
		"raw is one less":            {compressed, number(8, 1<<32-1), corrupt},
		"raw is 32 MB":               {compressed, number(8, 32<<20), lengths},
		"raw is 2 GB":                {compressed, number(8, 2<<30), lengths},
		"raw is less than stored":    {compressed, number(8, 1<<32-500), lengths},
		"stored is one more":         {compressed, number(12, 1), other},
		"stored is one less":         {compressed, number(12, 1<<32-1), other},
		"raw is one more, plain":     {plain, number(8, 1), lengths},
		"stored is one less, plain":  {plain, number(12, 1<<32-1), lengths},
		"the key is one less":        {compressed, number(24, 1<<32-1), other},
		"the key is longer than all": {compressed, number(24, 1000), "the head of the record fails its checksum"},
		"another compression":        {compressed, number(4, 1), "the record is compressed in a way (2) that this version does not know"},
		"no compression":             {compressed, number(4, 1<<32-1), lengths},
		"compressed, plain":          {plain, number(4, 1), corrupt},
		"a byte more":                {compressed, func(b []byte) []byte { return append(b, 0) }, other},
		"no block":                   {plain, func(b []byte) []byte { b[headBytes+3] = 9; return b }, "the record is not a block"},
	} {
		b := c.change(bytes.Clone(c.record))
		reseal(b, seed, offset)
		_, _, reason := decodeRecord(b, seed, stream.Ref{Segment: 1, Offset: offset, Length: uint32(len(b))})
		if c.want == "" && reason != "" || !strings.Contains(reason, c.want) {
			t.Errorf("%s: %q", name, reason)
		}
	}
}

func TestAFooterIsBelievedOnlyIfItsRecordsAreOneBehindTheOther(t *testing.T) {
	seed := seedOf(testID, 1)
	good := []place{{headerBytes, 100}, {headerBytes + 100, headBytes}}
	const end = headerBytes + 100 + headBytes
	for name, c := range map[string]struct {
		index []place
		end   uint32
		ok    bool
	}{
		"good":                {good, end, true},
		"empty":               {nil, headerBytes, true},
		"a gap":               {[]place{good[0], {good[1].offset + 1, headBytes}}, end + 1, false},
		"a record less":       {good[:1], end, false},
		"a record twice":      {[]place{good[0], good[0]}, headerBytes + 200, false},
		"too small":           {[]place{{headerBytes, headBytes - 1}}, headerBytes + headBytes - 1, false},
		"not from the header": {good[1:], end, false},
		"of another place":    {good, end + 1, false},
	} {
		b := appendFooter(nil, seed, c.index, c.end)
		index, ok := decodeFooter(b, seed, int64(c.end)+int64(len(b)))
		if ok != c.ok || ok && !slices.Equal(index, c.index) {
			t.Errorf("%s: %v, %t", name, index, ok)
		}
	}
}

// FuzzRecord decodes anything that has the right checksums, which only a program can have made.
func FuzzRecord(f *testing.F) {
	fsys := vfs.NewMem()
	sm := sampleOf(f, fsys, 6, true)
	for _, ref := range sm.refs {
		f.Add(sm.bytes[ref.Offset : ref.Offset+ref.Length])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		const offset = 40
		b := bytes.Clone(data)
		seed := seedOf(testID, 1)
		reseal(b, seed, offset)
		ref := stream.Ref{Segment: 1, Offset: offset, Length: uint32(len(b))}
		body, r, reason := decodeRecord(b, seed, ref)
		if (body == nil) == (reason == "") {
			t.Fatalf("a body %t, and the reason %q", body != nil, reason)
		}
		if body == nil {
			return
		}
		if r.Ref != ref || r.Stored+len(r.Key)+headBytes != len(b) || r.Raw > max(plainBytes, len(b)) {
			t.Fatalf("%+v of %d bytes", r, len(b))
		}
		again, _ := appendRecord(nil, seed, offset, &Block{DB: r.DB, Key: r.Key, First: r.First, Last: r.Last, Entries: r.Entries, Body: body}, new([]byte))
		other, _, reason := decodeRecord(again, seed, stream.Ref{Segment: 1, Offset: offset, Length: uint32(len(again))})
		if reason != "" || !same(body, other) {
			t.Fatalf("written again: %q", reason)
		}
	})
}

// FuzzFooter decodes anything that has the right checksum.
func FuzzFooter(f *testing.F) {
	seed := seedOf(testID, 1)
	index := []place{{headerBytes, headBytes}, {headerBytes + headBytes, 100}}
	f.Add(appendFooter(nil, seed, index, 208), uint32(208))
	f.Add(appendFooter(nil, seed, nil, headerBytes), uint32(headerBytes))
	f.Add([]byte(footerMagic), uint32(0))
	f.Fuzz(func(t *testing.T, data []byte, end uint32) {
		b := bytes.Clone(data)
		if tail := len(b) - footerTail; tail >= 0 {
			copy(b[tail+12:], footerMagic)
			binary.LittleEndian.PutUint32(b[tail:], uint32(tail/footerEntry))
			binary.LittleEndian.PutUint32(b[tail+4:], end)
			binary.LittleEndian.PutUint32(b[tail+8:], crc32.Update(seedAt(seed, end), castagnoli, b[:tail+8]))
		}
		index, ok := decodeFooter(b, seed, int64(end)+int64(len(b)))
		if !ok {
			return
		}
		if again := appendFooter(nil, seed, index, end); !bytes.Equal(again, b) {
			t.Fatalf("%x, written again %x", b, again)
		}
	})
}

// FuzzSegment walks over files of anything: it ends, it does not panic, and what it calls good can be read.
func FuzzSegment(f *testing.F) {
	fsys := vfs.NewMem()
	sm := sampleOf(f, fsys, 4, true)
	f.Add(sm.bytes, uint16(sm.end))
	f.Add(sm.bytes[:sm.end], uint16(0))
	f.Add(append(bytes.Clone(sm.bytes[:100]), sm.bytes[90:]...), uint16(sm.end))
	f.Add(slices.Concat(sm.bytes[:sm.refs[1].Offset+5], make([]byte, 90), sm.bytes[sm.refs[1].Offset+95:]), uint16(sm.end))
	f.Fuzz(func(t *testing.T, data []byte, end uint16) {
		fsys := vfs.NewMem()
		if err := fsys.MakeDir(Dir); err != nil {
			t.Fatal(err)
		}
		put(t, fsys, Name(1), data)
		good := 0
		report, err := Verify(fsys, testID, 1, int64(end), func(r Record, err error) {
			if err == nil {
				good++
				if _, _, err := CheckRef(fsys, testID, r.Ref); err != nil {
					t.Error(err)
				}
			} else if !isDamage(err) {
				t.Error(err)
			}
		})
		if err != nil && !isDamage(err) || good != report.Records {
			t.Errorf("%+v, %d good: %v", report, good, err)
		}
	})
}
