package resp

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// run feeds pieces and returns what came out, one line per command, and the error if there was one.
func run(p *Parser, pieces ...[]byte) string {
	var out strings.Builder
	for _, piece := range pieces {
		p.Feed(piece)
		for {
			args, err := p.Next()
			if err != nil {
				fmt.Fprintf(&out, "%v\n", err)
				return out.String()
			}
			if args == nil {
				break
			}
			fmt.Fprintf(&out, "%q\n", args)
		}
	}
	return out.String()
}

func TestSplittingAtEveryByteGivesTheSameCommands(t *testing.T) {
	streams := []string{
		"*2\r\n$4\r\nECHO\r\n$11\r\nhello\r\nyou!\r\nPING\r\n*0\r\n*-7\r\n\r\nSET \"a b\" 'c'\r\n*3\r\n$0\r\n\r\n$1\r\nx\r\n$2\r\nyz\r\n",
		"*100\r\n" + strings.Repeat("$1\r\na\r\n", 100) + "*1\r\n$4\r\nPING\r\n",
		"*12\r\n$3\r\nabc\r\n$10\r\n0123456789\r\n" + strings.Repeat("$0\r\n\r\n", 10) + "*x\r\n",
	}
	for _, m := range malformed {
		if len(m.request) < 5000 {
			streams = append(streams, m.request)
		}
	}
	for _, s := range streams {
		for _, unauthenticated := range []bool{false, true} {
			want := run(&Parser{Unauthenticated: unauthenticated}, []byte(s))
			for i := range len(s) + 1 {
				if got := run(&Parser{Unauthenticated: unauthenticated}, []byte(s[:i]), []byte(s[i:])); got != want {
					t.Fatalf("%q cut at %d:\n%s\nwhole:\n%s", s, i, got, want)
				}
			}
			bytewise := make([][]byte, len(s))
			for i := range s {
				bytewise[i] = []byte{s[i]}
			}
			if got := run(&Parser{Unauthenticated: unauthenticated}, bytewise...); got != want {
				t.Fatalf("%q byte by byte:\n%s\nwhole:\n%s", s, got, want)
			}
		}
	}
}

// randomStream is requests of all shapes and sizes.
func randomStream(rnd *rand.Rand) []byte {
	var b bytes.Buffer
	for range 1 + rnd.IntN(20) {
		switch rnd.IntN(6) {
		case 0:
			b.WriteString([]string{"PING\r\n", "\r\n", "*0\r\n", "SET \"a\\x00b\" 'q'\r\n", "a\tb \n"}[rnd.IntN(5)])
		default:
			n := 1 + rnd.IntN(8)
			fmt.Fprintf(&b, "*%d\r\n", n)
			for range n {
				arg := bytes.Repeat([]byte{byte(rnd.IntN(256))}, []int{0, 1, 10, 100, 5000, 40_000}[min(rnd.IntN(8), rnd.IntN(6))%6])
				fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(arg), arg)
			}
		}
	}
	return b.Bytes()
}

// The transports do not use Feed alone: they lend a window and settle at the end of each turn, and a turn may end with
// commands that were not taken. Whatever they do, the commands are the same.
func TestWindowsAndTurnsGiveTheSameCommands(t *testing.T) {
	for seed := range uint64(100) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		stream := randomStream(rnd)
		want := run(&Parser{}, stream)
		p := &Parser{}
		var out strings.Builder
		arena := make([]byte, 1<<20)
		for rest := stream; len(rest) > 0 || p.Buffered() > 0; {
			n := min(len(rest), 1+rnd.IntN(30_000))
			pending, lent := p.pending(), 0
			if len(pending) <= smallBuffer && rnd.IntN(4) > 0 {
				lent = len(pending) + n
				window := arena[:lent]
				copy(window[len(pending):], rest[:n])
				copy(window, pending)
				p.borrow(window)
			} else {
				copy(p.space(n), rest[:n])
				p.advance(n)
			}
			rest = rest[n:]
			take := rnd.IntN(4) // sometimes the turn ends early
			if len(rest) == 0 {
				take = 1 << 30
			}
			if rnd.IntN(2) == 0 {
				p.Ready()
			}
			for range take {
				args, err := p.Next()
				if err != nil {
					t.Fatal(err)
				}
				if args == nil {
					break
				}
				if rnd.IntN(5) == 0 {
					p.Unread()
					if again, _ := p.Next(); fmt.Sprint(again) != fmt.Sprint(args) {
						t.Fatal("Unread gave another command")
					}
				}
				fmt.Fprintf(&out, "%q\n", args)
			}
			if rnd.IntN(8) == 0 {
				if args, _ := p.Next(); args != nil {
					p.Unread() // and the turn ends: it comes again
				}
			}
			p.settle()
			for i := range arena[:lent] {
				arena[i] = 0xEE // what was lent is used for somebody else
			}
			if len(rest) == 0 && !p.Ready() {
				break
			}
		}
		if out.String() != want {
			t.Fatalf("seed %d: another stream of commands", seed)
		}
	}
}

func TestAnIdleParserHoldsNoMemory(t *testing.T) {
	p := &Parser{}
	p.Feed([]byte("*1\r\n$100000\r\n" + strings.Repeat("x", 100_002)))
	if args, err := p.Next(); len(args) != 1 || err != nil {
		t.Fatal(args, err)
	}
	p.settle()
	if p.buf != nil {
		t.Errorf("a buffer of %d is kept", cap(p.buf))
	}
}

func TestAHeaderReservesNothing(t *testing.T) {
	p := &Parser{}
	allocated := testing.AllocsPerRun(1, func() {
		p.Feed([]byte("*2147483647\r\n$536870912\r\nx"))
		if args, err := p.Next(); args != nil || err != nil {
			t.Fatal(args, err)
		}
	})
	if p.room() > smallBuffer || allocated > 10 {
		t.Errorf("%d bytes kept, %v allocations", p.room(), allocated)
	}
}

func TestALargeBulkDrippedByteByByteIsLinear(t *testing.T) {
	const size = 64 << 20
	p := &Parser{}
	p.Feed([]byte(fmt.Sprintf("*2\r\n$3\r\nSET\r\n$%d\r\n", size)))
	one := []byte{'z'}
	var most int
	start := time.Now()
	for i := range size {
		p.Feed(one)
		if args, _ := p.Next(); args != nil {
			t.Fatal("too early")
		}
		if i%4096 == 0 {
			most = max(most, cap(p.buf))
		}
	}
	p.Feed([]byte("\r\n"))
	args, err := p.Next()
	if err != nil || len(args) != 2 || len(args[1]) != size {
		t.Fatal(len(args), err)
	}
	if most > size*3/2 {
		t.Errorf("a bulk of %d took a buffer of %d", size, most)
	}
	t.Logf("64 MB byte by byte: %v, largest buffer %d MB", time.Since(start), most>>20)
}

// copied counts how often the parser moves bytes that have arrived, by the addresses of its buffer.
func TestManyArgumentsInSmallPiecesAreCopiedABoundedNumberOfTimes(t *testing.T) {
	const args = 1 << 20
	stream := []byte(fmt.Sprintf("*%d\r\n%s", args, strings.Repeat("$1\r\na\r\n", args)))
	p := &Parser{}
	copied, last := 0, (*byte)(nil)
	for rest := stream; len(rest) > 0; {
		n := min(len(rest), 1024)
		p.Feed(rest[:n])
		rest = rest[n:]
		if first := &p.buf[:1][0]; first != last {
			copied += p.Buffered()
			last = first
		}
		if len(rest) > 0 && p.Ready() {
			t.Fatal("too early")
		}
		p.settle()
	}
	got, err := p.Next()
	if err != nil || len(got) != args {
		t.Fatal(len(got), err)
	}
	if copied > 6*len(stream) {
		t.Errorf("%d bytes were copied %d times over", len(stream), copied/len(stream))
	}
}

func TestInlineArgumentsDoNotShareMemoryWithEachOther(t *testing.T) {
	p := &Parser{}
	p.Feed([]byte("a\"b\" \"c\" d\r\n"))
	args, err := p.Next()
	if err != nil || len(args) != 3 {
		t.Fatal(args, err)
	}
	args[0] = append(args[0], "XXXX"...)
	args[2] = append(args[2], "YYYY"...)
	if got := fmt.Sprintf("%q", args); got != `["abXXXX" "c" "dYYYY"]` {
		t.Error(got)
	}
}

func TestLimitsAreThoseThatWereSet(t *testing.T) {
	small := Limits{MaxBulk: 10, MaxArgs: 3, MaxInline: 20}
	for request, want := range map[string]string{
		"*3\r\n$10\r\n0123456789\r\n$0\r\n\r\n$0\r\n\r\n": "[\"0123456789\" \"\" \"\"]\n",
		"*4\r\n":                       "Protocol error: invalid multibulk length\n",
		"*1\r\n$11\r\n":                "Protocol error: invalid bulk length\n",
		"01234567890123456789\n":       "[\"01234567890123456789\"]\n",
		"012345678901234567890\n":      "Protocol error: too big inline request\n",
		"012345678901234567890":        "Protocol error: too big inline request\n",
		"*000000000000000000000":       "Protocol error: too big mbulk count string\n",
		"*1\r\n$000000000000000000000": "Protocol error: too big bulk count string\n",
	} {
		if got := run(&Parser{Limits: small}, []byte(request)); got != want {
			t.Errorf("%q: %q, want %q", request, got, want)
		}
	}
}

func TestAnErrorIsForEver(t *testing.T) {
	p := &Parser{}
	p.Feed([]byte("*x\r\nPING\r\n"))
	for range 3 {
		if args, err := p.Next(); args != nil || err == nil {
			t.Fatal(args, err)
		}
	}
}

var parsed int

func benchmarkParser(b *testing.B, command string, pipeline int) {
	window := bytes.Repeat([]byte(command), pipeline)
	p := &Parser{}
	b.ReportAllocs()
	b.SetBytes(int64(len(command)))
	for n := 0; n < b.N; n += pipeline {
		p.borrow(window)
		for {
			args, err := p.Next()
			if err != nil {
				b.Fatal(err)
			}
			if args == nil {
				break
			}
			parsed += len(args)
		}
		p.settle()
	}
}

func BenchmarkParsePing(b *testing.B) { benchmarkParser(b, "*1\r\n$4\r\nPING\r\n", 1) }

func BenchmarkParseXAddPipelined(b *testing.B) {
	v := "$20\r\n01234567890123456789\r\n"
	benchmarkParser(b, "*9\r\n$4\r\nXADD\r\n$6\r\nstream\r\n$1\r\n*\r\n"+strings.Repeat("$6\r\nfield1\r\n"+v, 3), 16)
}

func BenchmarkFeedHalfCommands(b *testing.B) {
	command := []byte("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$20\r\n01234567890123456789\r\n")
	p := &Parser{}
	arena := make([]byte, 4096)
	b.ReportAllocs()
	for range b.N {
		for _, half := range [][]byte{command[:20], command[20:]} {
			pending := p.pending()
			window := arena[:len(pending)+len(half)]
			copy(window[len(pending):], half)
			copy(window, pending)
			p.borrow(window)
			args, _ := p.Next()
			parsed += len(args)
			p.settle()
		}
	}
}
