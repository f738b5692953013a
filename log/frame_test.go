package log

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

// makeEntry builds a whole entry, with whatever is in h.
func makeEntry(seed uint32, h *header, payload string) []byte {
	frame := append(make([]byte, headerBytes), payload...)
	h.crc = encodeFrame(seed, frame, h)
	return append(binary.AppendUvarint(nil, uint64(len(frame))), frame...)
}

func TestAFrameDecodesToWhatWasEncoded(t *testing.T) {
	want := header{flags: flagGeneration, seq: 7, first: makePosition(3, 9), unixMS: -5, synced: 6, count: 2, previous: 0xfeedface}
	payload := strings.Repeat("p", 300)
	b := append(makeEntry(42, &want, payload), "what follows"...)
	want.length = 300
	h, p, size, reason := decodeEntry(42, b)
	if reason != "" || h != want || string(p) != payload || size != len(b)-len("what follows") {
		t.Fatalf("%+v %q %d %s", h, p, size, reason)
	}
	if int64(size) != entrySize(headerBytes+300) {
		t.Fatalf("entrySize says %d, it is %d", entrySize(headerBytes+300), size)
	}
	if _, _, _, reason := decodeEntry(43, b); reason == "" {
		t.Fatal("a frame of another directory was accepted")
	}
	for n := range size {
		if _, _, _, reason := decodeEntry(42, b[:n]); reason == "" {
			t.Fatalf("%d of %d bytes were accepted", n, size)
		}
	}
}

// A frame that is whole but not the next one: each field alone gives it away.
func TestOnlyTheNextFrameContinuesTheChain(t *testing.T) {
	c := chain{known: true, seq: 10, crc: 0xabc, last: makePosition(2, 100), synced: 8}
	good := header{seq: 11, previous: 0xabc, first: makePosition(2, 101), synced: 8, count: 3, crc: 0xdef}
	try := func(change func(*header)) string {
		h, on := good, c
		change(&h)
		return on.follow(&h)
	}
	for name, change := range map[string]func(*header){
		"itself":               func(*header) {},
		"a higher epoch":       func(h *header) { h.first = makePosition(3, 101) },
		"more known durable":   func(h *header) { h.synced = 10 },
		"no records":           func(h *header) { h.count = 0 },
		"a clock that runs on": func(h *header) { h.unixMS = 1 << 62 },
	} {
		if reason := try(change); reason != "" {
			t.Errorf("%s: %s", name, reason)
		}
	}
	for name, change := range map[string]func(*header){
		"a later frame":         func(h *header) { h.seq = 12 },
		"an earlier frame":      func(h *header) { h.seq = 10; h.synced = 8 },
		"another predecessor":   func(h *header) { h.previous = 0xabd },
		"a gap of positions":    func(h *header) { h.first = makePosition(2, 102) },
		"a position used twice": func(h *header) { h.first = makePosition(2, 100) },
		"a lower epoch":         func(h *header) { h.first = makePosition(1, 101) },
		"less known durable":    func(h *header) { h.synced = 7 },
		"itself known durable":  func(h *header) { h.synced = 11 },
	} {
		if reason := try(change); reason == "" {
			t.Errorf("%s was accepted", name)
		}
	}
	if reason := c.follow(&good); reason != "" || c.seq != 11 || c.last != makePosition(2, 103) || c.crc != 0xdef {
		t.Fatalf("%+v %s", c, reason)
	}
}

// FuzzWalker: whatever the bytes, reading a segment ends, without a panic, with
// whole frames up to an offset, and then nothing, zeros that were reserved, or a
// reason.
func FuzzWalker(f *testing.F) {
	h := header{seq: 1, first: makePosition(1, 1), count: 1}
	one := makeEntry(1, &h, "\x03abc")
	h2 := header{seq: 2, first: makePosition(1, 2), previous: h.crc}
	f.Add(one)
	f.Add(slices.Concat(one, makeEntry(1, &h2, "")))
	f.Add(slices.Concat(one, []byte{0, 0}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, b []byte) {
		w := walker{seed: 1, data: b, firstSeq: 1}
		for frames := 0; w.next(); frames++ {
			if frames > len(b)/headerBytes {
				t.Fatal("more frames than bytes")
			}
		}
		if w.offset > len(b) {
			t.Fatalf("stopped at %d of %d", w.offset, len(b))
		}
		left := b[w.offset:]
		if reserved := len(left) <= reserveBytes && len(bytes.Trim(left, "\x00")) == 0; reserved != (w.reason == "") {
			t.Fatalf("stopped at %d of %d: %q", w.offset, len(b), w.reason)
		}
		var from Position
		_ = deliver(&segment{}, b[:w.offset], &from, func(Position, int64, []byte) error { return nil })
		evidenceIn(1, b)
	})
}
