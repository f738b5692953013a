package main

import "errors"

type ownBroker struct{ addr string }

func startBroker() (*ownBroker, error) { return nil, errors.New("not yet") }
func (b *ownBroker) stop() error       { return nil }
