//go:build !linux

package resp

import (
	"errors"
	"net"
)

// Without epoll every connection has its goroutines.

const haveLoops = false

type loops struct{}

type netState struct{}

func (*loops) listen(*Server, net.Listener) (listener, error) {
	return nil, errors.New("resp: no event loops on this system")
}
func (*loops) release(uint64) {}
func (*loops) rouse()         {}
func (*loops) stop()          {}
func (*loops) sweep()         {}
