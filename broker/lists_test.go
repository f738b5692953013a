package broker

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// popped is the reply of BLPOP.
func popped(key, item string) string { return fmt.Sprintf("[%q %q]", key, item) }

func TestBlockedPopsAreServedInOrderOfArrivalAndEachOnce(t *testing.T) {
	for _, loops := range []int{1, 4} {
		b := running(t, func(o *Options) { o.Loops = loops })
		writer := dial(t, b)
		var clients []*client
		for i := range 6 {
			c := dial(t, b)
			blocked(t, b, c, []string{"BLPOP k l 0", "BRPOP l m 0", "BLMPOP 0 2 l m LEFT"}[i%3])
			clients = append(clients, c)
		}
		writer.expect("RPUSH l 1 2 3 4", ":4") // all are there before the first is served
		for i, want := range []string{popped("l", "1"), popped("l", "4"), `["l" ["2"]]`, popped("l", "3")} {
			if got := clients[i].read(); got != want {
				t.Errorf("client %d: %s, want %s", i, got, want)
			}
		}
		writer.expect("EXISTS l", ":0")
		blocked(t, b, clients[0], "BLPOP m 0") // behind 4 and 5 now
		writer.expect("RPUSH m a b c d", ":4")
		for i, want := range map[int]string{4: popped("m", "d"), 5: `["m" ["a"]]`, 0: popped("m", "b")} {
			if got := clients[i].read(); got != want {
				t.Errorf("client %d: %s, want %s", i, got, want)
			}
		}
		writer.expect("LRANGE m 0 -1", `["c"]`)
		waitFor(t, b, func() bool { return b.waiters.count == 0 && len(b.waiters.queues) == 0 })
	}
}

func TestABlockedPopIsInTheLog(t *testing.T) {
	dir := t.TempDir()
	use := func(o *Options) { o.Dir = dir }
	b, stop := started(t, use)
	writer, one, two := dial(t, b), dial(t, b), dial(t, b)
	blocked(t, b, one, "BLPOP l 0")
	blocked(t, b, two, "BLMOVE l m LEFT RIGHT 0")
	writer.expect("RPUSH l a b c", ":3")
	if got := one.read(); got != popped("l", "a") {
		t.Error(got)
	}
	if got := two.read(); got != `"b"` {
		t.Error(got)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	c := dial(t, running(t, use))
	c.expect("LRANGE l 0 -1", `["c"]`)
	c.expect("LRANGE m 0 -1", `["b"]`)
}

func TestPopsWaitForFractionsOfASecond(t *testing.T) {
	inBubble(t, func(t *testing.T, b *Broker) {
		for timeout, want := range map[string]time.Duration{"0.25": 250, "1.0004": 1001, "2": 2000, "1e-9": 1, "0.1": 100} {
			c := pipe(t, b)
			begun := time.Now()
			c.send("BLPOP l m " + timeout)
			c.after(begun, want*time.Millisecond, "nil")
		}
		ever := pipe(t, b)
		blocked(t, b, ever, "BRPOP l 9223372036854775.807")
		time.Sleep(24 * time.Hour)
		other := pipe(t, b)
		other.expect("LPUSH l x", ":1")
		if got := ever.read(); got != popped("l", "x") {
			t.Error(got)
		}
		if len(b.alarms.heap) != 0 || b.waiters.timed != 0 {
			t.Errorf("%d alarms are left", len(b.alarms.heap))
		}
	})
}

func TestUnblockEndsAPop(t *testing.T) {
	b := running(t, nil)
	c, other := dial(t, b), dial(t, b)
	id := strings.TrimPrefix(c.do("CLIENT ID"), ":")
	for _, line := range []string{"BLPOP l m 0", "BRPOP l 60", "BLMOVE l m LEFT LEFT 60", "BRPOPLPUSH l m 0", "BLMPOP 60 2 l m LEFT"} {
		for word, reply := range map[string]string{"TIMEOUT": "nil", "ERROR": "-" + errUnblocked} {
			blocked(t, b, c, line)
			other.expect("CLIENT UNBLOCK "+id+" "+word, ":1")
			if got := c.read(); got != reply {
				t.Errorf("%s, %s: %s", line, word, got)
			}
		}
	}
	other.expect("RPUSH l a", ":1")
	other.expect("RPUSH m a", ":1")
	waitFor(t, b, func() bool { return len(b.waiters.queues) == 0 && len(b.alarms.heap) == 0 })
}

func TestClientsThatVanishGetNoItem(t *testing.T) {
	b := running(t, nil)
	const n = 400
	var doomed []*client
	for i := range n {
		c := dial(t, b)
		c.send([]string{"BLPOP l 0", "BRPOP k l 0", "BLMOVE l m LEFT LEFT 0", "BLMPOP 0 1 l LEFT COUNT 9"}[i%4])
		doomed = append(doomed, c)
	}
	waitFor(t, b, func() bool { return b.waiters.count == n })
	live, writer := dial(t, b), dial(t, b)
	blocked(t, b, live, "BLPOP l 0")
	vanish(t, b, doomed, live, writer)
	writer.expect("RPUSH l "+strings.Repeat("x ", n-1)+"x", fmt.Sprintf(":%d", n))
	if got := live.read(); got != popped("l", "x") {
		t.Errorf("the client that lives got %s", got)
	}
	writer.expect("LLEN l", fmt.Sprintf(":%d", n-1))
	writer.expect("EXISTS m", ":0")
}

// TestWhoHangsUpRightAfterAskingGetsNoItem sends the question and the end together.
func TestWhoHangsUpRightAfterAskingGetsNoItem(t *testing.T) {
	for _, loops := range []int{1, 4} {
		b := running(t, func(o *Options) { o.Loops = loops })
		writer := dial(t, b)
		for round := range 100 {
			c := dial(t, b)
			c.send("BLPOP l 0")
			if round%2 == 0 {
				c.conn.(*net.TCPConn).SetLinger(0)
			}
			c.conn.Close()
		}
		dial(t, b).expect("PING", "+PONG") // accepted after all of them
		waitFor(t, b, func() bool { return b.server.Stats().Connected == 2 && len(b.sessions) == 2 && b.waiters.count == 0 })
		writer.expect("RPUSH l a", ":1")
		writer.expect("LLEN l", ":1")
	}
}

// TestAnItemThatMeetsAKillIsGivenOrStays lets a kill and a push meet in either order.
func TestAnItemThatMeetsAKillIsGivenOrStays(t *testing.T) {
	b := running(t, func(o *Options) { o.Loops = 4 })
	writer, killer := dial(t, b), dial(t, b)
	stayed := 0
	for round := range 200 {
		c := dial(t, b)
		id := strings.TrimPrefix(c.do("CLIENT ID"), ":")
		blocked(t, b, c, "BLPOP l 0")
		item := fmt.Sprint("item", round)
		writer.send("RPUSH l " + item)
		killer.send("CLIENT KILL ID " + id)
		writer.read()
		if got := killer.read(); got != ":1" && got != "-ERR No such client" {
			t.Fatal(got)
		}
		// A client that was killed after it had been served may not have read it: the item was on its way to it.
		left := writer.do("LPOP l")
		if left != "nil" && left != fmt.Sprintf("%q", item) {
			t.Fatalf("round %d: %s is left", round, left)
		}
		got, err := c.tryRead()
		switch {
		case left != "nil" && err == nil:
			t.Fatalf("round %d: %s was given, and it is still there", round, got)
		case err == nil && got != popped("l", item):
			t.Fatalf("round %d: %s", round, got)
		}
		if left != "nil" {
			stayed++
		}
		c.conn.Close()
	}
	t.Logf("the kill came first %d times of 200", stayed)
	waitFor(t, b, func() bool { return b.waiters.count == 0 && len(b.waiters.queues) == 0 })
}

func TestAChainOfMovesIsServedInOneGo(t *testing.T) {
	b := running(t, nil)
	writer := dial(t, b)
	const n = 50
	var links []*client
	for i := range n {
		c := dial(t, b)
		blocked(t, b, c, fmt.Sprintf("BLMOVE k%d k%d LEFT RIGHT 0", i, i+1))
		links = append(links, c)
	}
	writer.expect("RPUSH k0 x", ":1")
	for i, c := range links {
		if got := c.read(); got != `"x"` {
			t.Errorf("link %d: %s", i, got)
		}
	}
	writer.expect(fmt.Sprintf("LRANGE k%d 0 -1", n), `["x"]`)
	writer.expect("DBSIZE", ":1")
}
