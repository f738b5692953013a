package resp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// inBubble runs test on a server that is reached through net.Pipe inside a synctest bubble. There, "nothing happens any
// more" is a fact (synctest.Wait) and hours cost nothing.
func inBubble(t *testing.T, cfg Config, test func(t *testing.T, h *fake, dial func() *bubbleClient)) {
	synctest.Test(t, func(t *testing.T) {
		h := newFake(cfg)
		test(t, h, func() *bubbleClient {
			client, server := net.Pipe()
			h.srv.ServeConn(server)
			c := &bubbleClient{Conn: client, ended: make(chan struct{})}
			go func() {
				io.Copy(struct{ io.Writer }{&c.got}, client) // not ReadFrom: hear resets the buffer in between
				close(c.ended)
			}()
			t.Cleanup(func() { client.Close() })
			return c
		})
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := h.srv.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := h.check(); err != nil {
			t.Error(err)
		}
	})
}

type bubbleClient struct {
	net.Conn
	got   bytes.Buffer
	ended chan struct{}
}

// say sends and waits until nobody has anything left to do, then returns all that has come back since the last call.
func (c *bubbleClient) say(s string) string {
	go io.WriteString(c.Conn, s)
	return c.hear()
}

func (c *bubbleClient) hear() string {
	synctest.Wait()
	got := c.got.String()
	c.got.Reset()
	return got
}

func (c *bubbleClient) isClosed() bool {
	synctest.Wait()
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

func expectHeard(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("heard %.200q, want %.200q", got, want)
	}
}

func TestNothingLeavesBeforeItsPosition(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *fake, dial func() *bubbleClient) {
		c, d := dial(), dial()
		expectHeard(t, c.say("PING\r\nAPPEND\r\nPING\r\nAPPEND\r\n"), "+PONG\r\n")
		expectHeard(t, d.say("PING\r\n"), "+PONG\r\n") // a quiet one waits for nobody
		expectHeard(t, d.say("LAST\r\nPING\r\n"), "")  // one that reads what is not durable does
		h.srv.Release(1)
		expectHeard(t, c.hear(), ":1\r\n+PONG\r\n")
		expectHeard(t, d.hear(), "")
		h.srv.Release(2)
		expectHeard(t, c.hear(), ":2\r\n")
		expectHeard(t, d.hear(), ":2\r\n+PONG\r\n")
	})
}

// An earlier reply may depend on more than a later one: the later one waits all the same.
func TestALowerPositionWaitsForTheHigherOneBeforeIt(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *fake, dial func() *bubbleClient) {
		c := dial()
		c.say("PING\r\n")
		var conn *Conn
		for conn = range h.open {
		}
		conn.Send(5, []byte("+five\r\n"))
		conn.Send(3, []byte("+three\r\n"))
		conn.Send(0, []byte("+zero\r\n"))
		h.srv.Release(4)
		expectHeard(t, c.hear(), "")
		h.srv.Release(5)
		expectHeard(t, c.hear(), "+five\r\n+three\r\n+zero\r\n")
	})
}

func TestADiskThatTakesTwoSecondsDelaysOnlyWhoDependsOnIt(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *fake, dial func() *bubbleClient) {
		writer, reader := dial(), dial()
		start := time.Now()
		go func() {
			time.Sleep(2 * time.Second)
			h.releaseAll()
		}()
		expectHeard(t, writer.say("APPEND\r\n"), "")
		for range 100 {
			expectHeard(t, reader.say("PING\r\n"), "+PONG\r\n")
		}
		if waited := time.Since(start); waited > 0 {
			t.Error("readers waited ", waited)
		}
		time.Sleep(3 * time.Second)
		expectHeard(t, writer.hear(), ":1\r\n")
	})
}

func TestTheSoftLimitGivesTheClientItsTime(t *testing.T) {
	cfg := Config{}
	cfg.Output[Normal] = OutputLimit{Soft: 1000, SoftFor: 10 * time.Second}
	inBubble(t, cfg, func(t *testing.T, h *fake, dial func() *bubbleClient) {
		late, early := dial(), dial()
		late.say("APPEND\r\nBULK 1000\r\n")
		early.say("APPEND\r\nBULK 1000\r\n")
		time.Sleep(8 * time.Second)
		early.say("PING\r\n")
		if late.isClosed() || early.isClosed() {
			t.Fatal("closed before its time")
		}
		h.srv.Release(2) // both are below the limit again
		synctest.Wait()
		late.say("APPEND\r\nBULK 1000\r\n")
		time.Sleep(8 * time.Second)
		if late.isClosed() || early.isClosed() {
			t.Fatal("closed although it had been below the limit in between")
		}
		time.Sleep(5 * time.Second)
		if !late.isClosed() {
			t.Error("not closed after 13 seconds above the limit")
		}
		if early.isClosed() {
			t.Error("closed although it is below the limit")
		}
		if n := h.srv.Stats().OutputBufferKills; n != 1 {
			t.Error(n, " counted")
		}
	})
}

func TestIdleTimeoutCountsFromTheLastByte(t *testing.T) {
	inBubble(t, Config{Timeout: time.Minute}, func(t *testing.T, h *fake, dial func() *bubbleClient) {
		idle, busy, blocked, stuck := dial(), dial(), dial(), dial()
		blocked.say("BLOCK\r\n")
		stuck.say("*1\r\n$5\r\nhal") // half a command is no sign of life
		for range 5 {
			time.Sleep(30 * time.Second)
			expectHeard(t, busy.say("PING\r\n"), "+PONG\r\n")
		}
		if !idle.isClosed() || !stuck.isClosed() || busy.isClosed() || blocked.isClosed() {
			t.Error("closed: idle ", idle.isClosed(), ", stuck ", stuck.isClosed(), ", busy ", busy.isClosed(), ", blocked ", blocked.isClosed())
		}
	})
}

func TestTheIdleTimeoutMayBeSetLater(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *fake, dial func() *bubbleClient) {
		c := dial()
		time.Sleep(24 * time.Hour)
		if c.isClosed() {
			t.Fatal("closed without a timeout")
		}
		h.srv.SetTimeout(48 * time.Hour)
		time.Sleep(23 * time.Hour)
		if c.isClosed() {
			t.Fatal("closed too early")
		}
		time.Sleep(2 * time.Hour)
		if !c.isClosed() {
			t.Error("not closed")
		}
	})
}

func TestABlockedClientMayOnlySendSoFarAhead(t *testing.T) {
	inBubble(t, Config{Limits: Limits{MaxQueryBuffer: 200_000}}, func(t *testing.T, h *fake, dial func() *bubbleClient) {
		c, d := dial(), dial()
		c.say("BLOCK\r\n")
		const pings = 100_000
		expectHeard(t, c.say(strings.Repeat("PING\r\n", pings)), "")
		if c.isClosed() {
			t.Fatal("closed instead of not being read")
		}
		for conn := range h.open {
			if n := conn.Info().QueryBuffer; n > 200_000 {
				t.Error(n, " bytes were read ahead")
			}
		}
		d.say("WAKE x\r\n")
		expectHeard(t, c.hear(), "$1\r\nx\r\n"+strings.Repeat("+PONG\r\n", pings))
	})
}

// A client that does not read ends a Shutdown's patience with it, and is no failure.
func TestShutdownGivesUpOnAClientThatDoesNotRead(t *testing.T) {
	for _, c := range []struct{ deadline, takes time.Duration }{
		{time.Minute, drainPatience},
		{time.Second, time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			var said bytes.Buffer
			h := newFake(Config{Logger: testLogger(&said)})
			client, server := net.Pipe()
			defer client.Close()
			h.srv.ServeConn(server)
			io.WriteString(client, "BULK 100000\r\n")
			synctest.Wait()
			ctx, cancel := context.WithTimeout(context.Background(), c.deadline)
			defer cancel()
			start := time.Now()
			if err := h.srv.Shutdown(ctx); err != nil {
				t.Error(err)
			}
			if took := time.Since(start); took != c.takes {
				t.Error("it took ", took, ", not ", c.takes)
			}
			if err := h.check(); err != nil || len(h.open) > 0 {
				t.Error(err, len(h.open))
			}
			if n := strings.Count(said.String(), "\n"); n != 1 || !strings.Contains(said.String(), "connections=1") {
				t.Errorf("it said %q", said.String())
			}
			late, server := net.Pipe()
			h.srv.ServeConn(server)
			if _, err := late.Read(make([]byte, 1)); err != io.EOF {
				t.Error("a connection after Shutdown: ", err)
			}
		})
	}
}

func TestShutdownWaitsForAClientThatReadsSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFake(Config{})
		client, server := net.Pipe()
		defer client.Close()
		h.srv.ServeConn(server)
		const size = 100_000
		io.WriteString(client, fmt.Sprintf("BULK %d\r\n", size))
		synctest.Wait()
		got := make(chan int)
		go func() {
			n, buf := 0, make([]byte, 5000)
			for {
				k, err := client.Read(buf)
				n += k
				if err != nil {
					got <- n
					return
				}
				time.Sleep(time.Second)
			}
		}()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := h.srv.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if n := <-got; n != len("$100000\r\n\r\n")+size {
			t.Error("it got ", n, " bytes")
		}
		if n := h.srv.cut.Load(); n != 0 {
			t.Error(n, " were cut")
		}
	})
}

func TestManyBlockedClientsAreAllAnswered(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *fake, dial func() *bubbleClient) {
		var clients []*bubbleClient
		for range 100 {
			c := dial()
			c.say("BLOCK\r\nPING\r\n")
			clients = append(clients, c)
		}
		for i := 0; i < 100; i += 3 {
			clients[i].Close()
		}
		synctest.Wait()
		d := dial()
		expectHeard(t, d.say("WAKE x\r\n"), ":66\r\n")
		for i, c := range clients {
			if i%3 != 0 {
				expectHeard(t, c.hear(), "$1\r\nx\r\n+PONG\r\n")
			}
		}
	})
}

func TestAPipeReplaysAnyCutOfItsInput(t *testing.T) {
	request := "*2\r\n$4\r\nECHO\r\n$5\r\nhello\r\nPING\r\n*1\r\n$6\r\nAPPEND\r\nECHO \"a b\"\r\n"
	want := "$5\r\nhello\r\n+PONG\r\n:1\r\n$3\r\na b\r\n"
	for i := 1; i < len(request); i++ {
		t.Run(fmt.Sprint("cut at ", i), func(t *testing.T) {
			inBubble(t, Config{}, func(t *testing.T, h *fake, dial func() *bubbleClient) {
				c := dial()
				heard := c.say(request[:i]) + c.say(request[i:])
				h.releaseAll()
				expectHeard(t, heard+c.hear(), want)
			})
		})
	}
}
