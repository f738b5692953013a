package broker

import (
	"fmt"
	"slices"
	"testing"
)

// segmentBytes is what is in segment files, and what of it is alive.
func segmentBytes(b *Broker) (all, alive int64) {
	for _, s := range b.history.store.Segments() {
		all += s.Bytes
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return all, b.spiller.totals.Disk
}

func TestSegmentFilesOfWhichLittleIsAliveAreWrittenAgain(t *testing.T) {
	dir := t.TempDir()
	options := func(o *Options) {
		tiny(o)
		o.Dir, o.StreamSegmentSize = dir, 32<<10
	}
	b, stop := started(t, options)
	c := dial(t, b)
	const streams = 20
	for from := 1; from <= 2000; from += 100 {
		for i := range streams {
			c.fillFrom(fmt.Sprintf("s%d", i), from, from+99)
		}
	}
	spilledAll(t, b)
	c.expect("SAVE", "+OK")
	for i := 2; i < streams; i++ {
		c.expect(fmt.Sprintf("DEL s%d", i), ":1")
	}
	for range 4 { // the first finds the sparse files, and two more stop naming them
		c.fillFrom("new", 1, 1)
		c.expect("DEL new", ":1")
		c.expect("SAVE", "+OK")
	}
	waitFor(t, b, func() bool { return b.checkpointer.running == nil })
	all, alive := segmentBytes(b)
	if alive == 0 || all > 2*alive+64<<10 {
		t.Errorf("%d bytes in segment files, of which %d are alive", all, alive)
	}
	check := func(c *client) {
		t.Helper()
		for i := range 2 {
			key := fmt.Sprintf("s%d", i)
			c.expect("XLEN "+key, ":2000")
			for _, n := range []int{1, 777, 1999} {
				c.expect(fmt.Sprintf("XRANGE %s %d %d", key, n, n), fmt.Sprintf(`[["%d-0" ["number" "%d" "name" "entry %d of %s"]]]`, n, n, n, key))
			}
		}
	}
	check(c)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	check(dial(t, running(t, options)))
}

func TestWhoLooksInVainLooksLessOften(t *testing.T) {
	var l looks
	vain := func(calls int) (at []int) {
		for i := range calls {
			if l.due(1000, 100) {
				l.looked(1000, 0)
				at = append(at, i)
			}
		}
		return at
	}
	if got, want := vain(300), []int{0, 1, 3, 7, 15, 31, 63, 127, 191, 255}; !slices.Equal(got, want) {
		t.Errorf("looks at %v, want %v", got, want)
	}
	if l.due(1100, 100) || !l.due(1101, 100) {
		t.Error("it is looked when more has become open, and only then")
	}
	l.looked(1101, 1)
	for range 3 { // what was found may be followed by more
		if !l.due(1101, 100) {
			t.Error("nobody looks after something was found")
		}
		l.looked(1101, 1)
	}
}

func TestOpenBlocksOfIdleStreamsAreSealedWhenTheyTakeMuch(t *testing.T) {
	b := running(t, func(o *Options) { o.StreamBlockSize = 64 << 10 })
	c := dial(t, b)
	c.fillFrom("large", 1, 400)
	c.fillFrom("small", 1, 4)
	open := func() int64 {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.spiller.totals.Open
	}
	before := open()
	b.spiller.mostOpen = before / 3 // at more than twice as much idleness does not matter
	b.sealIdle()
	if after := open(); after <= 0 || after > before/4 {
		t.Errorf("%d bytes of open blocks, of %d", after, before)
	}
	c.fillFrom("large", 401, 600)
	b.spiller.mostOpen = open() - 1
	b.sealIdle() // appended to since the last look
	if open() < b.spiller.mostOpen {
		t.Error("a busy stream's block was sealed")
	}
	b.sealIdle()
	if open() > b.spiller.mostOpen {
		t.Error("an idle stream's block was not sealed")
	}
	c.expect("XLEN large", ":600")
	c.expect("XRANGE large 400 401", `[["400-0" ["number" "400" "name" "entry 400 of large"]] ["401-0" ["number" "401" "name" "entry 401 of large"]]]`)
}
