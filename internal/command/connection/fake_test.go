package connection

import (
	"strconv"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/resp"
)

// fakeHost is a broker with a few sessions that remembers what it was asked to do.
type fakeHost struct {
	password string // of the default user; empty: none required
	clients  []Client
	blocked  map[int64]bool
	did      []string
}

func (h *fakeHost) note(words ...string) { h.did = append(h.did, strings.Join(words, " ")) }

func (h *fakeHost) PasswordRequired() bool { return h.password != "" }

func (h *fakeHost) Authenticate(user, password []byte) (string, bool) {
	return string(user), h.HasUser(user) && (h.password == "" || h.password == string(password))
}

func (h *fakeHost) HasUser(name []byte) bool { return string(name) == "default" }

func (h *fakeHost) Client(s *command.Session) Client {
	for _, c := range h.clients {
		if c.ID == s.ID {
			return c
		}
	}
	return Client{ID: s.ID}
}

func (h *fakeHost) Clients() []Client { return h.clients }

func (h *fakeHost) Kill(id int64) bool {
	h.note("kill", string(rune('0'+id)))
	return true
}

func (h *fakeHost) Unblock(id int64, withError bool) bool {
	if withError {
		h.note("unblock with error", string(rune('0'+id)))
	} else {
		h.note("unblock", string(rune('0'+id)))
	}
	return h.blocked[id]
}

func (h *fakeHost) CloseAfterReply(*command.Session) { h.note("close after reply") }
func (h *fakeHost) SetReplies(_ *command.Session, mode ReplyMode) {
	h.note("replies", []string{"on", "off", "skip"}[mode])
}
func (h *fakeHost) Pause(ms int64, writesOnly bool) {
	h.note("pause", strconv.FormatInt(ms, 10), strconv.FormatBool(writesOnly))
}
func (h *fakeHost) Unpause()               { h.note("unpause") }
func (h *fakeHost) Reset(*command.Session) { h.note("reset") }

// client is a connection of the fake host.
type client struct {
	host    *fakeHost
	table   *command.Table
	session *command.Session
	out     *resp.Writer
}

func newClient(h *fakeHost) *client {
	return &client{
		host: h, table: command.NewTable(Specs(h)), out: resp.NewWriter(2),
		session: &command.Session{ID: 3, User: "default", Authenticated: h.password == ""},
	}
}

// do runs a command line, in which ” is an empty word and _ a blank, and returns the reply with blanks for line ends.
func (c *client) do(t *testing.T, line string) string {
	t.Helper()
	var args command.Args
	for _, w := range strings.Fields(line) {
		args = append(args, []byte(strings.ReplaceAll(strings.Trim(w, "'"), "_", " ")))
	}
	spec := c.table.Lookup(args[0])
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
	if err := spec.Run(&command.Call{Args: args, Out: c.out, Session: c.session}); err != nil {
		return command.WireText(err)
	}
	return strings.ReplaceAll(strings.TrimSuffix(string(c.out.Bytes()), "\r\n"), "\r\n", " ")
}

// exchange is a command line and what it must answer: the whole reply, or its beginning if want ends in "...".
type exchange struct{ line, want string }

func (c *client) expect(t *testing.T, exchanges ...exchange) {
	t.Helper()
	for _, x := range exchanges {
		got := c.do(t, x.line)
		prefix, open := strings.CutSuffix(x.want, "...")
		if got != x.want && !(open && strings.HasPrefix(got, prefix)) {
			t.Errorf("%s:\n got %s\nwant %s", x.line, got, x.want)
		}
	}
}
