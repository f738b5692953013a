package store

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"
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
		again := appendRecord(nil, seed, offset, &Block{DB: r.DB, Key: r.Key, First: r.First, Last: r.Last, Entries: r.Entries, Body: body}, body.Append(nil))
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
