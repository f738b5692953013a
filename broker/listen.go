package broker

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/weirmq/weir/resp"
)

// Addrs returns the addresses that the broker listens on.
func (b *Broker) Addrs() []net.Addr {
	return b.server.Addrs()
}

// ServeConn serves a connection that somebody else accepted: a pipe of a test, an embedded client.
func (b *Broker) ServeConn(c net.Conn) { b.server.ServeConn(c) }

// listen opens every configured address.
func (b *Broker) listen() error {
	o := b.options
	if o.UnixSocket != "" {
		if err := b.server.Listen("unix", o.UnixSocket); err != nil {
			return fmt.Errorf("cannot listen on %s: %w", o.UnixSocket, err)
		}
	}
	if o.Port != 0 {
		if err := b.listenEach("tcp", o.Port); err != nil {
			return err
		}
	}
	if o.TLS != nil && o.TLSPort != 0 {
		return b.listenEach("tls", o.TLSPort)
	}
	return nil
}

// listenEach listens on every address. One that is marked optional may fail; all of them may not.
func (b *Broker) listenEach(network string, port int) error {
	opened := 0
	var failed error
	for _, host := range b.options.Bind {
		name, optional := strings.CutPrefix(host, "-")
		if name == "*" {
			name = ""
		}
		if optional && port == AnyPort {
			continue // it would get another port
		}
		addr := net.JoinHostPort(name, strconv.Itoa(max(port, 0)))
		if err := b.server.Listen(network, addr); err != nil {
			failed = errors.Join(failed, fmt.Errorf("cannot listen on %s: %w", addr, err))
			if !optional {
				return failed
			}
			continue
		}
		opened++
	}
	if opened == 0 {
		return failed
	}
	return nil
}

// newServer makes the side that talks to sockets, with the limits of the options.
func (b *Broker) newServer() (*resp.Server, error) {
	o := b.options
	return resp.NewServer(handler{b}, resp.Config{
		Loops: o.Loops,
		Limits: resp.Limits{
			MaxBulk: int(o.ProtoMaxBulkLen), MaxQueryBuffer: int(o.ClientQueryBufferLimit),
		},
		MaxClients: o.MaxClients,
		Timeout:    o.Timeout,
		KeepAlive:  o.TCPKeepAlive,
		Output:     o.OutputLimits,
		TLS:        o.TLS,
		UnixMode:   o.UnixSocketPerm,
		Goroutines: o.Goroutines,
		Logger:     b.logger,
	})
}
