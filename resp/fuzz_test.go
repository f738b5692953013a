package resp

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzParser looks for input on which the parser panics, reserves memory for what has not arrived, depends on how the bytes were
// cut, or says ahead what does not come. The seeds are the requests of the golden table; what fuzzing has found stays in testdata/fuzz.
func FuzzParser(f *testing.F) {
	for _, m := range malformed {
		if len(m.request) < 5000 {
			f.Add([]byte(m.request), uint16(len(m.request)/2), m.password)
		}
	}
	f.Add([]byte("*3\r\n$4\r\nXADD\r\n$1\r\ns\r\n$300\r\nhalf of it"), uint16(20), false)
	limits := Limits{MaxBulk: 1000, MaxArgs: 50, MaxInline: 100}
	f.Fuzz(func(t *testing.T, stream []byte, cut uint16, unauthenticated bool) {
		whole := &Parser{Limits: limits, Unauthenticated: unauthenticated}
		want := run(whole, stream)
		at := min(int(cut), len(stream))
		parts := &Parser{Limits: limits, Unauthenticated: unauthenticated}
		if got := run(parts, stream[:at], stream[at:]); got != want {
			t.Errorf("cut at %d:\n%s\nwhole:\n%s", at, got, want)
		}
		size := 1 + int(cut)%7
		var pieces [][]byte
		for rest := stream; len(rest) > 0; {
			n := min(size, len(rest))
			pieces = append(pieces, rest[:n])
			rest = rest[n:]
		}
		drip := &Parser{Limits: limits, Unauthenticated: unauthenticated}
		if got := run(drip, pieces...); got != want {
			t.Errorf("in pieces of %d:\n%s\nwhole:\n%s", size, got, want)
		}
		checkAhead(t, &Parser{Limits: limits, Unauthenticated: unauthenticated}, stream)
		for _, p := range []*Parser{whole, parts, drip} {
			p.settle()
			if kept := cap(p.buf); kept > 2*len(stream)+smallBuffer {
				t.Errorf("%d bytes made the parser keep %d", len(stream), kept)
			}
		}
	})
}

// checkAhead fails if what a parser says ahead of a stream is not what comes. That an error comes instead is no lie.
func checkAhead(t *testing.T, p *Parser, stream []byte) (commands int) {
	t.Helper()
	p.Feed(stream)
	ahead := p.ahead(make([][]byte, 0, 8*AheadWords+AheadWords-1))
	if len(ahead)%AheadWords != 0 {
		t.Fatalf("%d words ahead of %q", len(ahead), stream)
	}
	commands = len(ahead) / AheadWords
	for i := range commands {
		args, err := p.Next()
		if err != nil {
			break
		}
		if args == nil {
			t.Fatalf("told of %d commands of %d in %q", commands, i, stream)
		}
		for j, word := range ahead[i*AheadWords : (i+1)*AheadWords] {
			there := j+1 < len(args)
			if there != (word != nil) || there && !bytes.Equal(args[j+1], word) {
				t.Fatalf("word %d of command %d of %q is %q, and not of %q", j+1, i, stream, word, args)
			}
		}
	}
	return commands
}

func TestAheadSeesTheFirstWordsOfPlainCommands(t *testing.T) {
	for stream, want := range map[string]int{
		"": 0,
		"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n$4\r\nPING\r\n*3\r\n$3\r\nSET\r\n$2\r\nkk\r\n$0\r\n\r\n":                           3,
		"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*2\r\n$3\r\nGET\r\n$1\r\nk":                                                              1, // the second has not arrived
		"*4\r\n$4\r\nZADD\r\n$1\r\nz\r\n$1\r\n1\r\n$1\r\nm\r\n*5\r\n$4\r\nHSET\r\n$1\r\nh\r\n$1\r\n1\r\n$1\r\nm\r\n$1\r\nm\r\n": 2,
		"GET k\r\nGET k\r\n":                                 1, // inline: only what is parsed anyway
		"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*99999999999\r\n":     1,
		strings.Repeat("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", 20): 8, // as many as fit
	} {
		if got := checkAhead(t, new(Parser), []byte(stream)); got != want {
			t.Errorf("told of %d commands ahead in %q, want %d", got, stream, want)
		}
	}
}
