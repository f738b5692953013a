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
	NowMS int64
	table *command.Table
	tx    *state.Tx
	call  command.Call
}

// New returns a runner of the commands of some families, whose replies are in RESP2.
func New(families ...[]command.Spec) *Runner {
	r := &Runner{table: command.NewTable(families...), tx: state.NewTx(state.NewKeyspace(stream.Config{}))}
	r.call = command.Call{Out: resp.NewWriter(2), Tx: r.tx, Session: &command.Session{}, Random: func(uint64) uint64 { return 0 }}
	return r
}

// Words splits a command into its arguments.
func Words(line string) [][]byte { return bytes.Fields([]byte(line)) }

// Run runs a command and reports its error.
func (r *Runner) Run(args [][]byte) error {
	r.tx.Begin(0, r.NowMS)
	r.call.Out.Reset()
	r.call.Args, r.call.Wait, r.call.NowMS = args, nil, r.NowMS
	err := r.table.Lookup(args[0]).Run(&r.call)
	r.tx.Committed(1)
	return err
}

// Reply runs a command and returns its reply, or error, with blanks for line ends.
func (r *Runner) Reply(line string) string {
	args := Words(line)
	spec := r.table.Lookup(args[0])
	if n := spec.Arity; n > 0 && len(args) != n || len(args) < -n {
		return string(command.WrongArity(spec))
	}
	if err := r.Run(args); err != nil {
		return command.WireText(err)
	}
	return strings.ReplaceAll(strings.TrimSpace(string(r.call.Out.Bytes())), "\r\n", " ")
}

// AllocateNothing fails the test if two commands, which undo each other, allocate anything when they run again and again.
func (r *Runner) AllocateNothing(t *testing.T, pairs [][2]string) {
	t.Helper()
	for _, both := range pairs {
		first, second := Words(both[0]), Words(both[1])
		run := func() {
			if err := r.Run(first); err != nil {
				t.Fatalf("%s: %v", both[0], err)
			}
			if err := r.Run(second); err != nil {
				t.Fatalf("%s: %v", both[1], err)
			}
		}
		run()
		if n := testing.AllocsPerRun(200, run); n > 0 {
			t.Errorf("%s and %s allocate %v times", both[0], both[1], n)
		}
	}
}
