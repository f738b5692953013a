package crash

import (
	"fmt"
	"strconv"
	"strings"
)

// What one stream with one group does, as a function of its state and an
// operation: the sequential specification that histories of concurrent clients
// are held against. It is written from the commands' descriptions, apart from the
// code it judges, and without times: every claim asks for a minimum idle time of
// 0, which takes whatever there is.

// places is the state as a string, which makes it cheap to compare, to hash and
// to keep. IDs are n-0; n is the ID everywhere here.
//
//	+---------------+---------+---------+-----+---------+
//	| delivered (2) | entry 1 | entry 2 | ... | entry n |    n is the stream's last ID
//	+---------------+---------+---------+-----+---------+
//	entry: there (1: 0 or 1), owner (1: 0 if not pending, 255 if nobody's, else the consumer's number plus 1), deliveries (1)
//
// An ID that was left out, one that was deleted and one that was acknowledged
// after that look alike, for no command can tell them apart.
type places string

const fresh = places("\x00\x00")

const (
	there = iota
	owner
	deliveries
	perEntry
)

const nobodys = 255

func (p places) last() uint16 { return uint16((len(p) - 2) / perEntry) }

// board is places while an operation changes it.
type board []byte

func (b board) last() uint16          { return places(b).last() }
func (b board) delivered() uint16     { return uint16(b[0])<<8 | uint16(b[1]) }
func (b board) deliver(n uint16)      { b[0], b[1] = byte(n>>8), byte(n) }
func (b board) entry(n uint16) []byte { at := 2 + perEntry*(int(n)-1); return b[at : at+perEntry] }

// known says whether n has a place at all.
func (b board) known(n uint16) bool { return n >= 1 && n <= b.last() }

// step applies an operation and says how it must have been answered.
func step(p places, o op) (places, string) {
	b := board(p)
	switch o.kind {
	case opAdd:
		n := o.ids[0]
		if n <= b.last() {
			return p, "too small"
		}
		b = append(b, make([]byte, perEntry*int(n-b.last()))...)
		b.entry(n)[there] = 1
		return places(b), "ok"
	case opDelete:
		gone := 0
		for _, n := range o.ids {
			if b.known(n) && b.entry(n)[there] == 1 {
				b.entry(n)[there] = 0
				gone++
			}
		}
		return places(b), strconv.Itoa(gone)
	case opAck:
		acked := 0
		for _, n := range o.ids {
			if b.known(n) && b.entry(n)[owner] != 0 {
				b.release(n)
				acked++
			}
		}
		return places(b), strconv.Itoa(acked)
	case opRead:
		return b.read(o)
	case opHistory:
		return b.history(o)
	case opClaim:
		return b.claim(o)
	case opAutoClaim:
		return b.autoClaim(o)
	case opSetID:
		b.deliver(o.ids[0])
		return places(b), "ok"
	case opPending:
		return p, b.pending()
	case opInfo:
		return p, b.info()
	case opReadClaim:
		return b.readClaim(o)
	case opRelease:
		released := 0
		for _, n := range o.ids {
			if !b.known(n) {
				continue
			}
			e := b.entry(n)
			if e[owner] == 0 && !(o.force && e[there] == 1) {
				continue
			}
			e[owner] = nobodys
			if o.mode == "SILENT" && e[deliveries] > 0 {
				e[deliveries]--
			}
			released++
		}
		return places(b), strconv.Itoa(released)
	}
	panic("unknown operation")
}

func (b board) release(n uint16) { b.entry(n)[owner], b.entry(n)[deliveries] = 0, 0 }

func (b board) read(o op) (places, string) {
	var got []string
	for n := b.delivered() + 1; n <= b.last() && len(got) < o.count; n++ {
		e := b.entry(n)
		if e[there] == 0 {
			continue
		}
		got = append(got, strconv.Itoa(int(n)))
		b.deliver(n)
		if !o.noAck {
			e[owner], e[deliveries] = o.consumer+1, 1
		}
	}
	return places(b), strings.Join(got, " ")
}

func (b board) history(o op) (places, string) {
	var got []string
	for n := o.ids[0] + 1; n <= b.last() && len(got) < o.count; n++ {
		switch e := b.entry(n); {
		case e[owner] != o.consumer+1:
		case e[there] == 0:
			got = append(got, fmt.Sprint(n, "!"))
		default:
			e[deliveries]++
			got = append(got, fmt.Sprint(n))
		}
	}
	return places(b), strings.Join(got, " ")
}

func (b board) claim(o op) (places, string) {
	var got []string
	for _, n := range o.ids {
		if !b.known(n) {
			continue
		}
		e := b.entry(n)
		if e[there] == 0 {
			b.release(n)
			continue
		}
		if e[owner] == 0 {
			if !o.force {
				continue
			}
			e[deliveries] = 1
		}
		b.take(n, o)
		got = append(got, fmt.Sprint(n))
	}
	return places(b), strings.Join(got, " ")
}

// take makes a pending entry the claimant's.
func (b board) take(n uint16, o op) {
	e := b.entry(n)
	e[owner] = o.consumer + 1
	if o.retry >= 0 {
		e[deliveries] = byte(o.retry)
	} else if !o.justID {
		e[deliveries]++
	}
}

func (b board) autoClaim(o op) (places, string) {
	var got, gone []string
	n, left := max(o.ids[0], 1), o.count
	for ; n <= b.last() && left > 0; n++ {
		e := b.entry(n)
		if e[owner] == 0 {
			continue
		}
		left--
		if e[there] == 0 {
			b.release(n)
			gone = append(gone, fmt.Sprint(n))
			continue
		}
		b.take(n, o)
		got = append(got, fmt.Sprint(n))
	}
	for n <= b.last() && b.entry(n)[owner] == 0 {
		n++
	}
	if n > b.last() {
		n = 0
	}
	return places(b), fmt.Sprintf("%s, gone %s, next %d", strings.Join(got, " "), strings.Join(gone, " "), n)
}

// readClaim is a claim of everything that is pending, and a read of everything
// that is new.
func (b board) readClaim(o op) (places, string) {
	var got []delivered
	for n := uint16(1); n <= b.last(); n++ {
		e := b.entry(n)
		if e[there] == 0 {
			b.release(n)
			continue
		}
		if e[owner] != 0 {
			got = append(got, delivered{n, int(e[deliveries])})
			e[owner] = o.consumer + 1
			e[deliveries]++
		}
		if n > b.delivered() { // new, though it may have been pending, and so be in the reply twice
			got = append(got, delivered{n, 0})
			e[owner], e[deliveries] = o.consumer+1, 1
		}
	}
	for n := b.last(); n > b.delivered(); n-- {
		if b.entry(n)[there] == 1 {
			b.deliver(n)
		}
	}
	return places(b), deliveredText(got)
}

func (b board) pending() string {
	var rows []string
	for n := uint16(1); n <= b.last(); n++ {
		if e := b.entry(n); e[owner] != 0 {
			name := ""
			if e[owner] != nobodys {
				name = fmt.Sprint("c", e[owner]-1)
			}
			rows = append(rows, fmt.Sprintf("%d:%s:%d", n, name, e[deliveries]))
		}
	}
	return strings.Join(rows, " ")
}

func (b board) info() string {
	pending, lag := 0, 0
	for n := uint16(1); n <= b.last(); n++ {
		e := b.entry(n)
		if e[owner] != 0 {
			pending++
		}
		if e[there] == 1 && n > b.delivered() {
			lag++
		}
	}
	return fmt.Sprintf("pending %d, delivered %d, lag %d", pending, b.delivered(), lag)
}
