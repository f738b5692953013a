package broker

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// client is a connection of a test. Replies are rendered on one line: +OK, -ERR ..., :1, "bulk", nil, [a b], {k v}.
type client struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

// patience is how long a reply may take before a test gives up.
const patience = 30 * time.Second

// running starts a broker on a directory and serves it until the test ends.
func running(t *testing.T, change func(*Options)) *Broker {
	t.Helper()
	b, stop := started(t, change)
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return b
}

// started is running with an end that the test chooses.
func started(t *testing.T, change func(*Options)) (*Broker, func() error) {
	t.Helper()
	o := DefaultOptions()
	o.Bind, o.Port, o.Dir, o.Version = []string{"127.0.0.1"}, AnyPort, t.TempDir(), "test"
	o.DiskReserve = 0
	if change != nil {
		change(&o)
	}
	b, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Serve(ctx) }()
	return b, func() error {
		cancel()
		return <-done
	}
}

// dial connects over TCP.
func dial(t *testing.T, b *Broker) *client {
	t.Helper()
	conn, err := net.Dial("tcp", b.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	return newClient(t, conn)
}

// pipe connects without a socket.
func pipe(t *testing.T, b *Broker) *client {
	theirs, ours := net.Pipe()
	b.ServeConn(theirs)
	return newClient(t, ours)
}

func newClient(t *testing.T, conn net.Conn) *client {
	t.Cleanup(func() { conn.Close() })
	return &client{t, conn, bufio.NewReader(conn)}
}

// request encodes a command whose words are separated by blanks; a word in single quotes may hold blanks.
func request(words ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	return b.String()
}

func (c *client) send(line string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, request(strings.Fields(line)...)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) do(line string) string {
	c.t.Helper()
	c.send(line)
	return c.read()
}

func (c *client) read() string {
	c.t.Helper()
	reply, err := c.tryRead()
	if err != nil {
		c.t.Fatal(err)
	}
	return reply
}

func (c *client) tryRead() (string, error) {
	if c.r.Buffered() == 0 {
		c.conn.SetReadDeadline(time.Now().Add(patience))
	}
	line, err := c.r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	n, _ := strconv.Atoi(line[1:])
	switch line[0] {
	case '$', '=':
		if n < 0 {
			return "nil", nil
		}
		body := make([]byte, n+2)
		if _, err := io.ReadFull(c.r, body); err != nil {
			return "", err
		}
		return strconv.Quote(string(body[:n])), nil
	case '*', '~', '>', '%':
		if n < 0 {
			return "nil", nil
		}
		open, end := "[", "]"
		if line[0] == '%' {
			open, end, n = "{", "}", 2*n
		}
		var parts []string
		for range n {
			part, err := c.tryRead()
			if err != nil {
				return "", err
			}
			parts = append(parts, part)
		}
		return open + strings.Join(parts, " ") + end, nil
	case '_':
		return "nil", nil
	default:
		return line, nil
	}
}

// expect runs a command and compares its reply.
func (c *client) expect(line, want string) {
	c.t.Helper()
	if got := c.do(line); got != want {
		c.t.Fatalf("%s\n got %s\nwant %s", line, got, want)
	}
}

// silent checks that no reply comes for a while.
func (c *client) silent(d time.Duration) {
	c.t.Helper()
	c.conn.SetReadDeadline(time.Now().Add(d))
	defer c.conn.SetReadDeadline(time.Time{})
	if b, err := c.r.Peek(1); err == nil {
		reply, _ := c.tryRead()
		c.t.Fatalf("unexpected reply %q %s", b, reply)
	}
}
