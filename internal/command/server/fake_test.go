package server

import (
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/resp"
	"github.com/weirmq/weir/stream"
)

// fakeHost is a broker with a few settings.
type fakeHost struct {
	table     *command.Table
	settings  []Setting
	info      Info
	resets    int
	shutdowns []Shutdown
	refusal   error
	ending    bool

	saving    bool
	backups   int         // begun, and not ended
	finish    func(error) // answers the session that is parked
	lingering bool
	released  int // calls of ReleaseMemory
}

func (h *fakeHost) Table() *command.Table { return h.table }
func (h *fakeHost) Settings() []Setting   { return h.settings }
func (h *fakeHost) Info() Info            { return h.info }
func (h *fakeHost) ResetStats()           { h.resets++ }
func (h *fakeHost) NowMicros() int64      { return 1700000000_000042 }
func (h *fakeHost) AbortShutdown() bool   { return h.ending }
func (h *fakeHost) Shutdown(how Shutdown) error {
	h.shutdowns = append(h.shutdowns, how)
	return h.refusal
}

func (h *fakeHost) LastSave() int64         { return 1600000000 }
func (h *fakeHost) SetActiveExpire(on bool) { h.lingering = !on }
func (h *fakeHost) ReleaseMemory()          { h.released++ }
func (h *fakeHost) Save() error {
	if h.saving {
		return ErrSaving
	}
	h.saving = true
	return nil
}

func (h *fakeHost) SaveAndWait(c *command.Call, reply SaveReply) error {
	c.Block(command.Wait{})
	h.finish = func(err error) { reply(c.Out, err) }
	return h.Save()
}

func (h *fakeHost) BackupBegin(c *command.Call, reply BackupReply) error {
	c.Block(command.Wait{})
	h.backups++
	h.finish = func(err error) {
		reply(c.Out, []BackupFile{{"checkpoints/00000000000000000007", 300}, {"log/1/2", 1 << 40}}, err)
	}
	return h.Save()
}

func (h *fakeHost) BackupEnd(*command.Call) error {
	if h.backups == 0 {
		return ErrNoBackup
	}
	h.backups--
	return nil
}

// client is a connection of the fake host, on a keyspace of its own.
type client struct {
	host *fakeHost
	tx   *state.Tx
	out  *resp.Writer
	db   int
}

func newClient() *client {
	h := &fakeHost{}
	nothing := command.Plain(func(*command.Call) error { return nil })
	h.table = command.NewTable(Specs(h), []command.Spec{
		{Name: "xlen", Group: command.Streams, Since: "5.0.0", Arity: 2, Syntax: "key", Summary: "Count.",
			Flags: command.ReadOnly | command.Fast, Keys: command.KeyAt(1).For("RO"), Run: nothing},
		{Name: "xread", Group: command.Streams, Since: "5.0.0", Arity: -4, Syntax: "[COUNT count] STREAMS key [key ...] id [id ...]",
			Summary: "Read.", Flags: command.ReadOnly | command.Blocking | command.MovableKeys, Keys: command.KeysAfter("STREAMS", 1), Run: nothing},
		command.WithHelp(command.Spec{Name: "xinfo", Group: command.Streams, Since: "5.0.0", Arity: -2, Summary: "Look.",
			Sub: []command.Spec{{Name: "stream", Since: "5.0.0", Arity: -3, Syntax: "key", Summary: "Look at a stream.",
				Flags: command.ReadOnly, Keys: command.KeyAt(2), Run: nothing}}}, "5.0.0"),
	})
	return &client{host: h, tx: state.NewTx(state.NewKeyspace(stream.Config{})), out: resp.NewWriter(2)}
}

// do runs a command line, in which ” is an empty word and _ a blank, and returns the reply with blanks for line ends.
func (c *client) do(t *testing.T, line string) string {
	t.Helper()
	var args command.Args
	for _, w := range strings.Fields(line) {
		args = append(args, []byte(strings.ReplaceAll(strings.Trim(w, "'"), "_", " ")))
	}
	spec := c.host.table.Lookup(args[0])
	if spec.Container() && len(args) > 1 {
		spec = spec.Lookup(args[1])
	}
	if spec == nil || spec.Run == nil {
		t.Fatalf("%s: no such command", line)
	}
	if n := spec.Arity; n > 0 && len(args) != n || len(args) < -n {
		return string(command.WrongArity(spec))
	}
	c.out.Reset()
	c.tx.Begin(c.db, 0)
	if err := spec.Run(&command.Call{Args: args, Out: c.out, Tx: c.tx}); err != nil {
		return command.WireText(err)
	}
	return strings.ReplaceAll(strings.TrimSuffix(string(c.out.Bytes()), "\r\n"), "\r\n", " ")
}

// exchange is a command line and what it must answer.
type exchange struct{ line, want string }

func (c *client) expect(t *testing.T, exchanges ...exchange) {
	t.Helper()
	for _, x := range exchanges {
		if got := c.do(t, x.line); got != x.want {
			t.Errorf("%s:\n got %s\nwant %s", x.line, got, x.want)
		}
	}
}
