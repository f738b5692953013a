package resp

import (
	"bytes"
	"io"
	"runtime"
	"strings"
	"testing"
)

// quiet answers everything with +PONG and allocates nothing itself.
type quiet struct{ pos uint64 }

func (*quiet) Open(*Conn) error { return nil }
func (*quiet) Close(*Conn)      {}
func (*quiet) Commit()          {}
func (q *quiet) Serve(turn []*Conn) bool {
	for _, c := range turn {
		for args, _ := c.Next(); args != nil; args, _ = c.Next() {
			c.Writer().SimpleString("PONG")
			c.Seal(q.pos)
		}
	}
	return true
}

func TestServingAllocatesNothingInTheSteadyState(t *testing.T) {
	for name, request := range map[string]string{
		"alone":     "*1\r\n$4\r\nPING\r\n",
		"pipelined": strings.Repeat("*1\r\n$4\r\nPING\r\n", 16),
		"in halves": "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPI",
	} {
		t.Run(name, func(t *testing.T) {
			srv, err := NewServer(&quiet{}, Config{})
			if err != nil {
				t.Fatal(err)
			}
			if err := srv.Listen("tcp", "127.0.0.1:0"); err != nil {
				t.Fatal(err)
			}
			r := &rig{t: t, h: newFake(Config{}), srv: srv}
			defer r.stop()
			c := r.dial()
			rest := []byte(nil)
			if strings.HasSuffix(request, "PI") {
				rest = []byte("NG\r\n")
			}
			asked, answer := []byte(request), make([]byte, 7*strings.Count(request, "*"))
			want := bytes.Repeat([]byte("+PONG\r\n"), strings.Count(request, "*"))
			round := func() {
				c.Conn.Write(asked)
				first := answer
				if rest != nil {
					first = answer[:7]
				}
				if _, err := io.ReadFull(c.Conn, first); err != nil {
					t.Fatal(err)
				}
				if rest != nil {
					c.Conn.Write(rest)
					if _, err := io.ReadFull(c.Conn, answer[7:]); err != nil {
						t.Fatal(err)
					}
				}
				if !bytes.Equal(answer, want) {
					t.Fatalf("%q", answer)
				}
			}
			const rounds = 5000
			for range rounds {
				round()
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range rounds {
				round()
			}
			runtime.ReadMemStats(&after)
			// A collection empties the pools; a few allocations refill them.
			if n := after.Mallocs - before.Mallocs; n > rounds/20*allocationFactor {
				t.Errorf("%d allocations in %d rounds", n, rounds)
			}
		})
	}
}
