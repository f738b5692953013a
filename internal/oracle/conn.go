package oracle

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"syscall"
	"time"
)

// ReplyTimeout is how long a reply may take before a run gives up. It is far
// above anything a working server needs; no test waits for it to pass.
const ReplyTimeout = 10 * time.Second

// Conn is a plain client connection: no pool, no retry, no interpretation.
type Conn struct {
	net.Conn
	r   *bufio.Reader
	buf []byte
}

// Dial connects to host:port.
func Dial(addr string) (*Conn, error) {
	c, err := net.DialTimeout("tcp", addr, ReplyTimeout)
	if err != nil {
		return nil, err
	}
	return &Conn{Conn: c, r: bufio.NewReaderSize(c, 1<<16)}, nil
}

// AppendCommand encodes a command as an array of bulks.
func AppendCommand(b []byte, args ...string) []byte {
	b = append(b, '*')
	b = strconv.AppendInt(b, int64(len(args)), 10)
	b = append(b, "\r\n"...)
	for _, a := range args {
		b = append(b, '$')
		b = strconv.AppendInt(b, int64(len(a)), 10)
		b = append(b, "\r\n"...)
		b = append(b, a...)
		b = append(b, "\r\n"...)
	}
	return b
}

// Send writes one command.
func (c *Conn) Send(args ...string) error {
	c.buf = AppendCommand(c.buf[:0], args...)
	if err := c.SetWriteDeadline(time.Now().Add(ReplyTimeout)); err != nil {
		return err
	}
	_, err := c.Write(c.buf)
	return err
}

// Receive reads one reply. A connection closed by the server is a reply of kind
// 'c'; anything else that goes wrong is an error.
func (c *Conn) Receive() (Reply, error) { return c.receive(time.Now().Add(ReplyTimeout)) }

// Wait is Receive for a blocked client: it waits as long as it takes.
func (c *Conn) Wait() (Reply, error) { return c.receive(time.Time{}) }

func (c *Conn) receive(deadline time.Time) (Reply, error) {
	if err := c.SetReadDeadline(deadline); err != nil {
		return Reply{}, err
	}
	rep, err := ReadReply(c.r)
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		return Reply{Kind: 'c'}, nil
	}
	return rep, err
}

// Do sends a command and reads its reply.
func (c *Conn) Do(args ...string) (Reply, error) {
	if err := c.Send(args...); err != nil {
		if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
			return Reply{Kind: 'c'}, nil
		}
		return Reply{}, err
	}
	return c.Receive()
}

// MustDo is Do for commands that cannot be refused: an error reply is an error.
func (c *Conn) MustDo(args ...string) (Reply, error) {
	rep, err := c.Do(args...)
	if err == nil && (rep.IsError() || rep.Kind == 'c') {
		err = fmt.Errorf("oracle: %s: %s", FormatCommand(args), rep)
	}
	return rep, err
}
