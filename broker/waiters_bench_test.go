package broker

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/log"
	"github.com/weirmq/weir/stream"
)

// BenchmarkAnEntryWhileTenThousandWait measures for how long an entry of a stream holds the state lock while 10,000 clients
// are blocked.
func BenchmarkAnEntryWhileTenThousandWait(b *testing.B) {
	const waiters = 10_000
	for name, command := range map[string]func(i int) string{
		"one group":        func(int) string { return "XREADGROUP GROUP g0 w COUNT 1 BLOCK 0 STREAMS s >" },
		"one group, claim": func(int) string { return "XREADGROUP GROUP g0 w COUNT 1 BLOCK 0 CLAIM 3600000 STREAMS s >" },
		"hundred groups":   func(i int) string { return fmt.Sprintf("XREADGROUP GROUP g%d w COUNT 1 BLOCK 0 STREAMS s >", i%100) },
		"all but one other": func(i int) string {
			return fmt.Sprintf("XREADGROUP GROUP g0 w COUNT 1 BLOCK 0 STREAMS %c >", "st"[min(i, 1)])
		},
		"XREAD":         func(int) string { return "XREAD BLOCK 0 STREAMS s $" },
		"XREAD in vain": func(int) string { return "XREAD BLOCK 0 STREAMS s 18446744073709551615-0" },
	} {
		b.Run(name, func(b *testing.B) {
			br := listening(b)
			setup := dialPipe(br)
			for i := range 100 {
				setup(fmt.Sprintf("XGROUP CREATE s g%d $ MKSTREAM", i))
			}
			setup("XGROUP CREATE t g0 $ MKSTREAM")
			for i := range waiters {
				client := dialPipe(br)
				go func() {
					for client(command(i)) {
					}
				}()
			}
			var most time.Duration
			id := stream.ID{MS: uint64(time.Now().UnixMilli())}
			fields := [][]byte{[]byte("f"), []byte("v")}
			b.ResetTimer()
			for range b.N {
				b.StopTimer()
				for {
					br.mu.Lock()
					if br.waiters.count == waiters {
						break
					}
					br.mu.Unlock()
					time.Sleep(100 * time.Microsecond)
				}
				br.beginTurn()
				br.tx.Begin(0, 0)
				id.MS++
				br.tx.StreamAppend([]byte("s"), id, fields)
				b.StartTimer()
				begun := time.Now()
				br.commitRecord()
				br.serveWaiters()
				most = max(most, time.Since(begun))
				b.StopTimer()
				br.endTurn()
				b.StartTimer()
			}
			b.ReportMetric(float64(most.Microseconds()), "most-µs")
		})
	}
}

// listening is a broker whose clients come over pipes, so that there may be as many as one likes.
func listening(b *testing.B) *Broker {
	o := DefaultOptions()
	o.Dir, o.Port, o.Goroutines, o.Sync, o.MaxClients = b.TempDir(), 0, true, log.SyncNo, 1<<20
	br, err := Open(context.Background(), o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { br.close() })
	return br
}

// dialPipe returns a function that runs one command and drops its reply, or returns false at the end.
func dialPipe(br *Broker) func(line string) bool {
	theirs, ours := net.Pipe()
	br.ServeConn(theirs)
	c := &client{conn: ours, r: bufio.NewReaderSize(ours, 64)}
	return func(line string) bool {
		if _, err := io.WriteString(c.conn, request(strings.Fields(line)...)); err != nil {
			return false
		}
		_, err := c.tryRead()
		return err == nil
	}
}
