package oracle

import (
	"errors"
	"net"
	"os"
	"strconv"
	"sync"
)

// Each process has a block of ports for the servers that it starts. It listens on the first one for as long as it lives, which
// keeps other processes off the block, and hands out the rest in turn.
//
// A port that the kernel has chosen (port 0, closed again) is nobody's until the server listens there, and again when the
// server was killed and its clients still dial: another test's server may have it then, and both tests take its answers for
// their own. The blocks lie below the ports that the kernel chooses from.
const (
	firstBlock = 10_000
	blockSize  = 100
	blocks     = 220
)

var ports struct {
	mu   sync.Mutex
	held net.Listener // on the first port of the block; nil before one is chosen
	base int
	next int // of the ports behind base, the one whose turn it is
}

// FreePort returns a loopback port for a server of this process. It comes again only after all others of the block, and never
// while somebody listens on it.
func FreePort() (int, error) {
	ports.mu.Lock()
	defer ports.mu.Unlock()
	for i := 0; ports.held == nil && i < blocks; i++ {
		ports.base = firstBlock + (os.Getpid()+i)%blocks*blockSize
		ports.held, _ = listen(ports.base) // or else the block is another process's
	}
	if ports.held == nil {
		return 0, errors.New("oracle: all blocks of ports are taken")
	}
	for range blockSize - 1 {
		port := ports.base + 1 + ports.next
		ports.next = (ports.next + 1) % (blockSize - 1)
		if l, err := listen(port); err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("oracle: all ports of the block are taken")
}

func listen(port int) (net.Listener, error) {
	return net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}
