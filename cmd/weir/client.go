package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// client asks a running broker. It speaks just the RESP2 that the subcommands need: commands out, and of replies all
// kinds.
type client struct {
	conn net.Conn
	r    *bufio.Reader
}

// replyError is an error that the broker has answered.
type replyError string

func (e replyError) Error() string { return "the broker answers: " + string(e) }

// dial connects to a unix socket if one is named, else to host and port.
func dial(ctx context.Context, socket, host string, port int) (*client, error) {
	network, address := "tcp", net.JoinHostPort(host, strconv.Itoa(port))
	if socket != "" {
		network, address = "unix", socket
	}
	dialer := net.Dialer{Timeout: 5 * time.Second}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &client{conn, bufio.NewReader(conn)}, nil
}

func (c *client) close() { _ = c.conn.Close() }

// do sends a command and reads its reply: a string, an int64, nil, or a []any of these. What takes its time is waited for.
func (c *client) do(words ...string) (any, error) {
	b := fmt.Appendf(nil, "*%d\r\n", len(words))
	for _, w := range words {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(w), w)
	}
	if _, err := c.conn.Write(b); err != nil {
		return nil, err
	}
	reply, err := c.read(0)
	if errors.Is(err, io.EOF) {
		err = errors.New("the broker has closed the connection")
	}
	return reply, err
}

func (c *client) read(depth int) (any, error) {
	line, err := c.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, errNoReply
	}
	if err != nil {
		return nil, err
	}
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return nil, errNoReply
	}
	kind, rest := line[0], string(line[1:len(line)-2])
	if kind == '+' {
		return rest, nil
	}
	if kind == '-' {
		return nil, replyError(rest)
	}
	n, err := strconv.ParseInt(rest, 10, 64)
	switch {
	case err != nil:
		return nil, errNoReply
	case kind == ':':
		return n, nil
	case n == -1:
		return nil, nil
	case kind == '$' && n >= 0 && n <= 1<<20:
		b := make([]byte, n+2)
		if _, err := io.ReadFull(c.r, b); err != nil {
			return nil, err
		}
		return string(b[:n]), nil
	case kind == '*' && n >= 0 && n <= 1<<24 && depth < 4:
		var list []any
		for range n {
			x, err := c.read(depth + 1)
			if err != nil {
				return nil, err
			}
			list = append(list, x)
		}
		return list, nil
	}
	return nil, errNoReply
}

var errNoReply = errors.New("what answers there does not speak the Redis protocol")
