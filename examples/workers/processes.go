package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// processes are the workers: this program again, once for each name.
type processes map[string]*process

type process struct {
	cmd   *exec.Cmd
	stdin io.Closer // its end is the sign to finish, also when we die
}

func startWorkers(ctx context.Context, o options) (processes, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	all := processes{}
	for _, name := range names {
		cmd := exec.CommandContext(ctx, self, "-worker", name, "-addr", o.addr, "-stream", o.stream, "-min-idle", o.minIdle.String())
		cmd.Stderr = os.Stderr
		stdin, err := cmd.StdinPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			all.kill()
			return nil, err
		}
		all[name] = &process{cmd, stdin}
	}
	return all, nil
}

// killOne ends a worker with SIGKILL, which it cannot notice.
func (all processes) killOne(name string) error {
	p := all[name]
	if p == nil {
		return fmt.Errorf("there is no worker %q", name)
	}
	delete(all, name)
	err := p.cmd.Process.Kill()
	_ = p.cmd.Wait() // it was killed
	return err
}

// finish lets the workers end by themselves.
func (all processes) finish() error {
	var errs []error
	for name, p := range all {
		errs = append(errs, p.stdin.Close(), p.cmd.Wait())
		delete(all, name)
	}
	return errors.Join(errs...)
}

func (all processes) kill() {
	for name := range all {
		_ = all.killOne(name)
	}
}
