// Package commandtest runs commands of a family in tests, without a broker.
package commandtest

import (
	"bytes"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/resp"
	"github.com/weirmq/weir/stream"
)

// Runner runs commands on a keyspace of its own, one after the other, as a dispatcher does. Its chance is always the least.
type Runner struct {
	Table *command.Table
	Tx    *state.Tx // with the record of the last command
	Call  command.Call
	NowMS int64
}

// New returns a runner of the commands of a family, whose replies are in RESP2 or 3.
func New(protocol int, family []command.Spec) *Runner {
	r := &Runner{Table: command.NewTable(family), Tx: state.NewTx(state.NewKeyspace(stream.Config{}))}
	r.Call = command.Call{Out: resp.NewWriter(protocol), Tx: r.Tx, Session: &command.Session{}, Random: func(uint64) uint64 { return 0 },
		MaxReply: command.MaxReply}
	return r
}

// Words splits a command into its arguments.
func Words(line string) [][]byte { return bytes.Fields([]byte(line)) }

// Spec returns the declaration of the command, or subcommand, that words begin with.
func (r *Runner) Spec(words [][]byte) *command.Spec {
	spec := r.Table.Lookup(words[0])
	if spec.Run == nil {
		spec = spec.Lookup(words[1])
	}
	return spec
}

// Run runs a command and reports its error. The reply is in Call.Out.
func (r *Runner) Run(args [][]byte) error {
	r.Tx.Begin(0, r.NowMS)
	r.Call.Out.Reset()
	r.Call.Args, r.Call.Wait, r.Call.NowMS, r.Call.RetryMS = args, nil, r.NowMS, 0
	return r.Spec(args).Execute(&r.Call)
}

// MustRun runs a command that must not fail.
func (r *Runner) MustRun(tb testing.TB, args [][]byte) {
	tb.Helper()
	if err := r.Run(args); err != nil {
		tb.Fatalf("%s: %v", bytes.Join(args, []byte(" ")), err)
	}
}

// Wire runs a command and returns its reply, or error, as a client would get it. It is valid until the next command.
func (r *Runner) Wire(args [][]byte) []byte {
	if err := r.Run(args); err != nil {
		r.Call.Out.Reset()
		r.Call.Out.Error(command.WireText(err))
	}
	return r.Call.Out.Bytes()
}

// Reply runs a command and returns its reply with blanks for line ends, or its error.
func (r *Runner) Reply(line string) string {
	args := Words(line)
	spec := r.Spec(args)
	if n := spec.Arity; n > 0 && len(args) != n || len(args) < -n {
		return string(command.WrongArity(spec))
	}
	if err := r.Run(args); err != nil {
		return command.WireText(err)
	}
	return strings.ReplaceAll(strings.TrimSpace(string(r.Call.Out.Bytes())), "\r\n", " ")
}

// AllocateNothing fails the test if two commands, which undo each other, allocate anything when they run again and again.
func (r *Runner) AllocateNothing(t *testing.T, pairs [][2]string) {
	t.Helper()
	for _, both := range pairs {
		first, second := Words(both[0]), Words(both[1])
		run := func() {
			r.MustRun(t, first)
			r.MustRun(t, second)
		}
		run()
		if n := testing.AllocsPerRun(200, run); n > 0 {
			t.Errorf("%s and %s allocate %v times", both[0], both[1], n)
		}
	}
}
