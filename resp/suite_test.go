package resp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestPipelinedRepliesComeInOrder(t *testing.T) {
	overAll(t, nil, func(t *testing.T, r *rig) {
		var wg sync.WaitGroup
		for range 5 {
			c := r.dial()
			wg.Go(func() {
				for round := range 20 {
					var b strings.Builder
					for i := range 200 {
						fmt.Fprintf(&b, "*2\r\n$4\r\nECHO\r\n$8\r\n%04d%04d\r\n", round, i)
					}
					if _, err := io.WriteString(c, b.String()); err != nil {
						t.Error(err)
						return
					}
					for i := range 200 {
						if got, err := c.reply(); err != nil || got != fmt.Sprintf("%04d%04d", round, i) {
							t.Errorf("round %d, reply %d: %q, %v", round, i, got, err)
							return
						}
					}
				}
			})
		}
		wg.Wait()
	})
}

func TestHeldRepliesLeaveInPrefixes(t *testing.T) {
	overAll(t, nil, func(t *testing.T, r *rig) {
		c := r.dial()
		c.send("PING\r\n")
		c.expect("+PONG")
		conn := r.conn(1)
		const sent = uint64(len("+PONG\r\n"))
		eventually(t, "counted", func() bool { return conn.Info().NetOut == sent })
		c.send("APPEND\r\nPING\r\nAPPEND\r\nECHO a\r\n")
		eventually(t, "four replies queued", func() bool { return conn.Info().OutputBytes == len(":1\r\n+PONG\r\n:2\r\n$1\r\na\r\n") })
		if !conn.Held() || conn.Info().NetOut != sent {
			t.Error("something left before its position was released")
		}
		r.srv.Release(1)
		c.expect(":1", "+PONG")
		eventually(t, "half of it counted", func() bool {
			i := conn.Info()
			return i.Held && i.OutputBytes == len(":2\r\n$1\r\na\r\n") && i.NetOut == sent+uint64(len(":1\r\n+PONG\r\n"))
		})
		r.srv.Release(1) // again, and lower: nothing
		r.srv.Release(0)
		r.srv.Release(2)
		c.expect(":2", "a")
		eventually(t, "nothing held", func() bool { return !conn.Held() })
		if r.srv.Released() != 2 {
			t.Error("the watermark fell to ", r.srv.Released())
		}
	})
}

func TestOneReleaseReachesEverybody(t *testing.T) {
	overAll(t, nil, func(t *testing.T, r *rig) {
		var clients []*client
		for range 20 {
			c := r.dial()
			c.send("APPEND\r\nPING\r\n")
			clients = append(clients, c)
		}
		eventually(t, "all appended", func() bool { return r.executed() == 40 })
		r.srv.Release(20)
		seen := map[string]bool{}
		for _, c := range clients {
			got, err := c.reply()
			if err != nil || seen[got] {
				t.Fatal(got, err)
			}
			seen[got] = true
			c.expect("+PONG")
		}
	})
}

func TestAPipelinerThatNeverStopsGetsEverythingInOrder(t *testing.T) {
	overAll(t, nil, func(t *testing.T, r *rig) {
		const commands = 100_000
		c := r.dial()
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					r.h.releaseAll()
				}
			}
		})
		wg.Go(func() {
			chunk := strings.Repeat("*1\r\n$6\r\nAPPEND\r\n", 1000)
			for range commands / 1000 {
				if _, err := io.WriteString(c, chunk); err != nil {
					t.Error(err)
					return
				}
			}
		})
		for i := 1; i <= commands; i++ {
			if got, err := c.reply(); err != nil || got != fmt.Sprint(":", i) {
				t.Errorf("reply %d: %q, %v", i, got, err)
				break
			}
		}
		close(stop)
		wg.Wait()
	})
}

func TestOneTurnOfOneConnectionIsBounded(t *testing.T) {
	overAll(t, nil, func(t *testing.T, r *rig) {
		c := r.dial()
		c.send("BLOCK\r\n")
		eventually(t, "blocked", func() bool { return r.executed() == 1 })
		const pipelined = 50_000
		go io.WriteString(c, strings.Repeat("PING\r\n", pipelined))
		conn := r.conn(1)
		eventually(t, "something buffered", func() bool { return conn.Info().QueryBuffer >= readSize })
		d := r.dial()
		d.send("WAKE x\r\n")
		d.expect(":1")
		c.expect("x")
		for range pipelined {
			c.expect("+PONG")
		}
		r.h.mu.Lock()
		defer r.h.mu.Unlock()
		if r.h.widest > turnQuota+64 {
			t.Error("one connection consumed ", r.h.widest, " bytes in one turn")
		}
	})
}

func TestOneTurnsRepliesToOneConnectionAreBounded(t *testing.T) {
	overAll(t, nil, func(t *testing.T, r *rig) {
		const size, pairs = 200_000, 60
		c, d := r.dial(), r.dial()
		var b strings.Builder
		for i := range pairs {
			fmt.Fprintf(&b, "BULK %d\r\nECHO %d\r\n", size, i)
		}
		c.send(b.String()) // one read
		d.send("PING\r\n")
		d.expect("+PONG")
		for i := range pairs {
			got, err := c.reply()
			if err != nil || len(got) != size {
				t.Fatal(i, len(got), err)
			}
			c.expect(fmt.Sprint(i))
		}
		r.h.mu.Lock()
		defer r.h.mu.Unlock()
		if r.h.fattest >= turnReplies+size+100 {
			t.Error("one connection was answered ", r.h.fattest, " bytes in one turn")
		}
		if r.h.turns < pairs*size/(turnReplies+size) {
			t.Error("only ", r.h.turns, " turns")
		}
	})
}

func TestAMillionPipelinedCommands(t *testing.T) {
	const commands = 1_000_000
	for _, tr := range transports[:1] {
		r := newRig(t, tr.cfg, tr.network)
		c := r.dial()
		go func() {
			chunk := strings.Repeat("PING\r\n", 10_000)
			for range commands / 10_000 {
				io.WriteString(c, chunk)
			}
		}()
		got := make([]byte, len("+PONG\r\n")*10_000)
		want := []byte(strings.Repeat("+PONG\r\n", 10_000))
		for range commands / 10_000 {
			if _, err := io.ReadFull(c.r, got); err != nil || !bytes.Equal(got, want) {
				t.Fatal("not what was asked for: ", err)
			}
		}
		r.stop()
	}
}

func TestAHalfClosedClientGetsItsHeldReplies(t *testing.T) {
	overAll(t, nil, func(t *testing.T, r *rig) {
		c := r.dial()
		c.send("APPEND\r\nAPPEND\r\nPING\r\nPI")
		c.closeWrite()
		eventually(t, "served", func() bool { return r.executed() == 3 })
		r.srv.Release(1)
		c.expect(":1")
		r.srv.Release(2)
		c.expect(":2", "+PONG")
		c.expectEnd()
		eventually(t, "closed", func() bool { return r.closed() == 1 })
	})
}

func TestAHalfClosedClientGetsALongPipelineAnswered(t *testing.T) {
	overAll(t, nil, func(t *testing.T, r *rig) {
		const pipelined = 30_000
		c := r.dial()
		go func() {
			io.WriteString(c, strings.Repeat("ECHO hello\r\n", pipelined))
			c.Conn.(interface{ CloseWrite() error }).CloseWrite()
		}()
		for range pipelined {
			c.expect("hello")
		}
		c.expectEnd()
	})
}

func TestAHalfClosedClientThatStallsIsServedBeforeItGoes(t *testing.T) {
	overAll(t, nil, func(t *testing.T, r *rig) {
		c := r.dial()
		c.send("STALL 3\r\nPING\r\n")
		c.closeWrite()
		conn := func() *Conn { return r.conn(1) }
		eventually(t, "stalled", func() bool { r.h.mu.Lock(); defer r.h.mu.Unlock(); return r.h.turns > 0 })
		r.srv.Release(1)
		_ = conn()
		r.srv.Release(3)
		c.expect(":3", "+PONG")
		c.expectEnd()
	})
}

func TestAStalledCommandIsTriedAgainAfterARelease(t *testing.T) {
	overAll(t, nil, func(t *testing.T, r *rig) {
		c, d := r.dial(), r.dial()
		for i := uint64(1); i <= 200; i++ {
			c.send(fmt.Sprintf("PING\r\nSTALL %d\r\nECHO behind\r\n", i))
			c.expect("+PONG")
			d.send("PING\r\n") // others are served meanwhile
			d.expect("+PONG")
			r.srv.Release(i)
			c.expect(fmt.Sprint(":", i), "behind")
		}
	})
}

func TestABlockedClientIsAnsweredAndGoesOn(t *testing.T) {
	overAll(t, nil, func(t *testing.T, r *rig) {
		c, d := r.dial(), r.dial()
		for i := range 200 {
			before := r.executed()
			c.send("PING\r\nBLOCK\r\nECHO behind\r\n")
			c.expect("+PONG")
			eventually(t, "blocked", func() bool { return r.executed() == before+2 })
			d.send(fmt.Sprintf("WAKE %d\r\n", i))
			d.expect(":1")
			c.expect(fmt.Sprint(i), "behind")
		}
	})
}

func TestABlockedClientThatVanishesIsClosedAtOnce(t *testing.T) {
	ways := map[string]func(c *client){
		"close":      func(c *client) { c.Close() },
		"half-close": func(c *client) { c.closeWrite() },
		"reset":      func(c *client) { c.reset() },
	}
	for name, vanish := range ways {
		t.Run(name, func(t *testing.T) {
			overAll(t, nil, func(t *testing.T, r *rig) {
				for i := range 20 {
					before := r.executed()
					c := r.dial()
					c.send("BLOCK\r\nPING\r\n")
					eventually(t, "blocked", func() bool { return r.executed() == before+1 })
					vanish(c)
					eventually(t, "closed", func() bool { return r.closed() == i+1 })
				}
				d := r.dial()
				d.send("WAKE x\r\n")
				d.expect(":0")
			})
		})
	}
}

// The end of a blocked client lies behind everything it sent before it went.
func TestABlockedClientThatSentMuchAndVanishesIsClosedAtOnce(t *testing.T) {
	overAll(t, nil, func(t *testing.T, r *rig) {
		c := r.dial()
		c.send("BLOCK\r\n")
		eventually(t, "blocked", func() bool { return r.executed() == 1 })
		c.send(strings.Repeat("PING\r\n", 1<<20))
		c.Close()
		eventually(t, "closed", func() bool { return r.closed() == 1 })
		if n := r.executed(); n != 1 {
			t.Error(n-1, " commands behind the one that blocks were executed")
		}
		d := r.dial()
		d.send("WAKE x\r\n")
		d.expect(":0")
		if n := r.srv.ahead.Load(); n != 0 {
			t.Error(n, " bytes are still counted")
		}
	})
}

func TestAParkedClientIsAnsweredInOrderAlsoIfItHalfCloses(t *testing.T) {
	overAll(t, nil, func(t *testing.T, r *rig) {
		c, d, other := r.dial(), r.dial(), r.dial()
		c.send("PING before\r\nPARK\r\nPING behind\r\n")
		c.expect("before") // nobody waits for what comes before
		d.send("PING before\r\nPARK\r\nPING behind\r\n")
		d.expect("before")
		d.closeWrite()
		eventually(t, "both are parked", func() bool { r.h.mu.Lock(); defer r.h.mu.Unlock(); return len(r.h.parked) == 2 })
		for range 100 { // others go on
			other.send("PING\r\n")
			other.expect("+PONG")
		}
		other.send("FETCHED it\r\n")
		other.expect("+OK")
		for _, c := range []*client{c, d} {
			c.expect("it")
			c.expect("behind")
		}
		d.expectEnd()
		c.send("PARK\r\n")
		c.expect("it")
	})
}

func TestAStalledClientIsReadAheadOfALittle(t *testing.T) {
	overAll(t, nil, func(t *testing.T, r *rig) {
		const pipelined = 1 << 20
		c, d := r.dial(), r.dial()
		c.send("STALL 1\r\n")
		eventually(t, "stalled", func() bool { r.h.mu.Lock(); defer r.h.mu.Unlock(); return r.h.turns > 0 })
		conn := r.conn(1)
		go io.WriteString(c, strings.Repeat("PING\r\n", pipelined))
		eventually(t, "read ahead", func() bool { return conn.Info().QueryBuffer >= pausedReadSize })
		for range 100 {
			d.send("PING\r\n")
			d.expect("+PONG")
			if n := conn.Info().QueryBuffer; n > pausedReadSize+2*readSize {
				t.Fatal(n, " bytes were read ahead")
			}
		}
		r.srv.Release(1)
		c.expect(":1")
		for range pipelined {
			c.expect("+PONG")
		}
	})
}

func TestWhatIsReadAheadOfAllBlockedClientsIsBounded(t *testing.T) {
	for _, tr := range transports {
		if tr.name != "one loop" && tr.name != "goroutines" {
			continue
		}
		t.Run(tr.name, func(t *testing.T) {
			r := newRig(t, tr.cfg, tr.network)
			const blocked = 6
			var clients []*client
			echo := "*2\r\n$4\r\nECHO\r\n$65536\r\n" + strings.Repeat("x", 65536) + "\r\n"
			for range blocked {
				c := r.dial()
				clients = append(clients, c)
				c.send("BLOCK\r\n")
			}
			eventually(t, "blocked", func() bool { return r.executed() == blocked })
			for _, c := range clients {
				go io.WriteString(c, strings.Repeat(echo, 320)) // 20 MB
			}
			eventually(t, "the bound is reached", func() bool { return r.srv.ahead.Load() >= blockedReadTotal })
			for range 20 {
				if n := r.srv.ahead.Load(); n > blockedReadTotal+blocked*bigReadSize {
					t.Fatal(n, " bytes were read ahead")
				}
				time.Sleep(time.Millisecond)
			}
			for id := range uint64(4) {
				r.conn(id + 1).Kill()
			}
			eventually(t, "the others are read on", func() bool {
				n := r.srv.ahead.Load()
				return n >= 2*(blockedReadSize-pausedReadSize) && n <= 2*(blockedReadSize+bigReadSize)
			})
			d := r.dial()
			d.send("PING\r\n")
			d.expect("+PONG")
		})
	}
}

// A successor of a closed connection has its descriptor's number. Nothing that was meant for the old one may reach it.
func TestWhatAClosedConnectionWasOwedReachesNobodyElse(t *testing.T) {
	overAll(t, nil, func(t *testing.T, r *rig) {
		for i := range 100 {
			before := r.executed()
			c := r.dial()
			c.send("APPEND\r\n")
			eventually(t, "appended", func() bool { return r.executed() == before+1 })
			old := r.conn(uint64(2*i + 1))
			if i%2 == 0 {
				c.reset()
			} else {
				old.Kill()
				c.expectEnd()
				c.Close()
			}
			eventually(t, "closed", func() bool { return r.closed() >= 2*i+1 })
			d := r.dial()
			d.send("PING\r\n")
			d.expect("+PONG")
			old.Send(0, []byte("+FOREIGN\r\n"))
			r.h.releaseAll()
			old.Resume()
			old.CloseAfterReply()
			old.Kill()
			d.send("ECHO mine\r\n")
			d.expect("mine")
			d.Close()
			eventually(t, "both closed", func() bool { return r.closed() == 2*i+2 })
		}
	})
}

func TestCloseAfterReplyFlushesWhatIsHeld(t *testing.T) {
	overAll(t, nil, func(t *testing.T, r *rig) {
		c := r.dial()
		c.send("APPEND\r\nQUIT\r\nAPPEND\r\n")
		eventually(t, "served", func() bool { return r.executed() == 2 })
		r.srv.Release(1)
		c.expect(":1", "+OK")
		c.expectEnd()
		if n := r.executed(); n != 2 {
			t.Error(n, " commands were executed: one came behind QUIT")
		}
	})
}

func TestKillDropsWhatIsHeld(t *testing.T) {
	overAll(t, nil, func(t *testing.T, r *rig) {
		c := r.dial()
		c.send("APPEND\r\nPING\r\n")
		eventually(t, "served", func() bool { return r.executed() == 2 })
		r.conn(1).Kill()
		r.srv.Release(1)
		c.expectEnd()
		eventually(t, "closed", func() bool { return r.closed() == 1 })
	})
}

func TestSendsFromManyGoroutinesArriveWholeAndInOrder(t *testing.T) {
	overAll(t, nil, func(t *testing.T, r *rig) {
		c := r.dial()
		c.send("PING\r\n")
		c.expect("+PONG")
		conn := r.conn(1)
		const senders, each = 8, 500
		var wg sync.WaitGroup
		for s := range senders {
			wg.Go(func() {
				for i := range each {
					conn.Send(0, fmt.Appendf(nil, "+%d:%d\r\n", s, i))
				}
			})
		}
		next := make([]int, senders)
		for range senders * each {
			line, err := c.reply()
			var s, i int
			if _, scanErr := fmt.Sscanf(line, "+%d:%d", &s, &i); err != nil || scanErr != nil || i != next[s] {
				t.Fatalf("%q, %v: want number %d of sender %d", line, err, next[s], s)
			}
			next[s]++
		}
		wg.Wait()
	})
}

func TestASlowReaderGetsItAllOnceItReads(t *testing.T) {
	overAll(t, nil, func(t *testing.T, r *rig) {
		c, d := r.dial(), r.dial()
		const size = 4 << 20
		c.send(strings.Repeat(fmt.Sprintf("BULK %d\r\n", size), 5) + "PING\r\n")
		eventually(t, "queued", func() bool { return r.executed() == 6 })
		d.send("PING\r\n") // nobody waits for c
		d.expect("+PONG")
		for range 5 {
			got, err := c.reply()
			if err != nil || len(got) != size || strings.Trim(got, "x") != "" {
				t.Fatal(len(got), err)
			}
		}
		c.expect("+PONG")
	})
}

func TestAMegabyteDrippedByteByByte(t *testing.T) {
	for _, tr := range transports {
		if tr.network != "tcp" || tr.name == "four loops" {
			continue
		}
		t.Run(tr.name, func(t *testing.T) {
			r := newRig(t, tr.cfg, tr.network)
			c := r.dial()
			c.send(fmt.Sprintf("*2\r\n$4\r\nECHO\r\n$%d\r\n", 1<<20))
			one := []byte("y")
			for range 1 << 20 {
				if _, err := c.Write(one); err != nil {
					t.Fatal(err)
				}
			}
			c.send("\r\nPING\r\n")
			got, err := c.reply()
			if err != nil || len(got) != 1<<20 || strings.Trim(got, "y") != "" {
				t.Fatal(len(got), err)
			}
			c.expect("+PONG")
		})
	}
}

func TestShutdownLetsCoveredRepliesOut(t *testing.T) {
	overAll(t, nil, func(t *testing.T, r *rig) {
		c, d := r.dial(), r.dial()
		const size = 8 << 20
		c.send(fmt.Sprintf("BULK %d\r\n", size))
		d.send("APPEND\r\n")
		eventually(t, "served", func() bool { return r.executed() == 2 })
		var wg sync.WaitGroup
		wg.Go(func() {
			got, err := c.reply()
			if err != nil || len(got) != size {
				t.Error(len(got), err)
			}
			c.expectEnd()
			d.expectEnd() // what is held is not let out
		})
		clients := r.clients
		r.clients = nil
		r.stop()
		wg.Wait()
		for _, c := range clients {
			c.Close()
		}
	})
}

func TestShutdownCutsThoseThatDoNotRead(t *testing.T) {
	var said lockedBuffer
	overAll(t, func(c *Config) { said.Reset(); c.Logger = testLogger(&said) }, func(t *testing.T, r *rig) {
		r.srv.patience = 200 * time.Millisecond
		c, d := r.dial(), r.dial()
		c.send(strings.Repeat("BULK 4000000\r\n", 10)) // more than the socket's buffers take
		d.send("BULK 400000\r\n")
		eventually(t, "served", func() bool { return r.executed() == 11 })
		var wg sync.WaitGroup
		wg.Go(func() {
			if got, err := d.reply(); err != nil || len(got) != 400_000 {
				t.Error(len(got), err)
			}
			d.expectEnd()
		})
		clients := r.clients
		r.clients = nil
		start := time.Now()
		r.stop() // wants no error
		if took := time.Since(start); took > 4*time.Second {
			t.Error("it took ", took)
		}
		wg.Wait()
		if s := said.String(); strings.Count(s, "\n") != 1 || !strings.Contains(s, "connections=1") {
			t.Errorf("it said %q", s)
		}
		for _, c := range clients {
			c.Close()
		}
	})
}

// lockedBuffer is a bytes.Buffer for several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *lockedBuffer) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Reset()
}

// What a turn left over when the end began must not be executed: its replies would be dropped.
func TestNothingIsServedOnceShutdownHasBegun(t *testing.T) {
	overAll(t, nil, func(t *testing.T, r *rig) {
		c := r.dial()
		c.send(fmt.Sprintf("GATE\r\nBULK %d\r\nAPPEND\r\nPING\r\n", turnReplies)) // a turn ends after BULK
		<-r.h.atGate
		var wg sync.WaitGroup
		wg.Go(func() {
			c.expect("+OK")
			if got, err := c.reply(); err != nil || len(got) != turnReplies {
				t.Error(len(got), err)
			}
			c.expectEnd()
		})
		clients := r.clients
		r.clients = nil
		wg.Go(r.stop)
		eventually(t, "stopped", r.srv.stopped.Load)
		close(r.h.gate)
		wg.Wait()
		if n := r.h.executed; n != 2 {
			t.Error(n, " commands were executed")
		}
		for _, c := range clients {
			c.Close()
		}
	})
}

func TestAHandlerThatDoesNotReturnIsWhatShutdownFailsFor(t *testing.T) {
	overAll(t, nil, func(t *testing.T, r *rig) {
		r.srv.patience = 50 * time.Millisecond
		c := r.dial()
		c.send("GATE\r\n")
		<-r.h.atGate
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := r.srv.Shutdown(ctx); err == nil {
			t.Error("no error")
		}
		close(r.h.gate) // what follows ends well
	})
}

func TestStatsCountBytes(t *testing.T) {
	overAll(t, nil, func(t *testing.T, r *rig) {
		c := r.dial()
		c.send("PING\r\n")
		c.expect("+PONG")
		conn := r.conn(1)
		eventually(t, "counted", func() bool { return conn.Info().NetOut == 7 && r.srv.Stats().NetOut == 7 })
		i, s := conn.Info(), r.srv.Stats()
		if i.NetIn != 6 || i.NetOut != 7 || i.Commands != 1 || s.NetIn != 6 || s.NetOut != 7 {
			t.Errorf("%+v\n%+v", i, s)
		}
	})
}
