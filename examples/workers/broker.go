package main

import (
	"context"
	"errors"
	"os"

	"github.com/weirmq/weir/broker"
)

// ownBroker is a broker inside this process, on a temporary directory.
type ownBroker struct {
	addr   string
	dir    string
	cancel context.CancelFunc
	served chan error
}

func startBroker() (*ownBroker, error) {
	dir, err := os.MkdirTemp("", "workers")
	if err != nil {
		return nil, err
	}
	options := broker.DefaultOptions()
	options.Dir, options.Bind, options.Port = dir, []string{"127.0.0.1"}, broker.AnyPort
	ctx, cancel := context.WithCancel(context.Background())
	b, err := broker.Open(ctx, options)
	if err != nil {
		cancel()
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	own := &ownBroker{b.Addrs()[0].String(), dir, cancel, make(chan error, 1)}
	go func() { own.served <- b.Serve(ctx) }()
	return own, nil
}

func (b *ownBroker) stop() error {
	b.cancel()
	return errors.Join(<-b.served, os.RemoveAll(b.dir))
}
