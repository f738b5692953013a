package connection

import (
	"strconv"
	"strings"

	"github.com/weirmq/weir/internal/command"
)

// kind is a class of connections that CLIENT LIST and KILL select.
type kind int

const (
	anyKind kind = iota
	normal
	pubsub
	replica // there are none
	master  // there are none
)

func parseKind(b []byte) (kind, error) {
	for k, names := range [][]string{normal: {"NORMAL"}, pubsub: {"PUBSUB"}, replica: {"REPLICA", "SLAVE"}, master: {"MASTER"}} {
		for _, name := range names {
			if command.EqualFold(b, name) {
				return kind(k), nil
			}
		}
	}
	return 0, command.Errorf("ERR Unknown client type '%s'", command.Printable(b, len(b)))
}

func (c *Client) kind() kind {
	if strings.Contains(c.Flags, "P") {
		return pubsub
	}
	return normal
}

func (f family) clientInfo() command.Spec {
	return command.Spec{
		Name: "info", Since: "6.2.0", Arity: 2,
		Summary: "This connection, as LIST shows it.",
		Flags:   inquiry,
		Tips:    []string{"nondeterministic_output"},
		Run: command.Plain(func(c *command.Call) error {
			client := f.host.Client(c.Session)
			c.Out.Verbatim("txt", string(appendClient(nil, &client)))
			return nil
		}),
	}
}

func (f family) clientList() command.Spec {
	return command.Spec{
		Name: "list", Since: "2.4.0", Arity: -2,
		Syntax:     "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]",
		Summary:    "All connections, or those of a type, or those named, one line each.",
		Complexity: "O(N) where N is the number of connections",
		Flags:      inquiry | command.Admin,
		Tips:       []string{"nondeterministic_output"},
		Run:        command.Handle(parseList, f.runList),
	}
}

type listArgs struct {
	kind kind
	ids  []int64 // nil: all; else one line for each that exists, in this order
}

func parseList(args command.Args) (a listArgs, err error) {
	switch {
	case len(args) == 2:
		return a, nil
	case len(args) == 4 && command.EqualFold(args[2], "TYPE"):
		a.kind, err = parseKind(args[3])
		return a, err
	case len(args) > 3 && command.EqualFold(args[2], "ID"):
		for _, arg := range args[3:] {
			id, err := command.ParseInt(arg)
			if err != nil {
				return a, command.Error("ERR Invalid client ID")
			}
			a.ids = append(a.ids, id)
		}
		return a, nil
	default:
		return a, command.ErrSyntax
	}
}

func (f family) runList(c *command.Call, a listArgs) error {
	clients := f.host.Clients()
	var text []byte
	if a.ids != nil {
		byID := make(map[int64]*Client, len(clients))
		for i := range clients {
			byID[clients[i].ID] = &clients[i]
		}
		for _, id := range a.ids {
			if client := byID[id]; client != nil {
				text = appendClient(text, client)
			}
		}
	} else {
		for i := range clients {
			if a.kind == anyKind || clients[i].kind() == a.kind {
				text = appendClient(text, &clients[i])
			}
		}
	}
	c.Out.Verbatim("txt", string(text))
	return nil
}

// appendClient prints a connection with the fields of Redis 7.0 in their order, and then the two of 7.2 that tell the
// library.
func appendClient(b []byte, c *Client) []byte {
	text := func(name, value string) {
		b = append(append(append(append(b, name...), '='), value...), ' ')
	}
	number := func(name string, value int64) {
		b = append(append(b, name...), '=')
		b = append(strconv.AppendInt(b, value, 10), ' ')
	}
	number("id", c.ID)
	text("addr", c.Addr)
	text("laddr", c.Laddr)
	number("fd", int64(c.FD))
	text("name", c.Name)
	number("age", c.AgeSeconds)
	number("idle", c.IdleSeconds)
	text("flags", c.Flags)
	number("db", int64(c.DB))
	number("sub", int64(c.Sub))
	number("psub", int64(c.PSub))
	number("ssub", int64(c.SSub))
	number("multi", int64(c.Multi))
	number("qbuf", c.QueryBuf)
	number("qbuf-free", c.QueryBufFree)
	number("argv-mem", c.ArgvMem)
	number("multi-mem", c.MultiMem)
	number("rbs", c.ReplyBuf)
	number("rbp", c.ReplyBufPeak)
	number("obl", c.OutBuf)
	number("oll", c.OutList)
	number("omem", c.OutMem)
	number("tot-mem", c.TotalMem)
	text("events", c.Events)
	text("cmd", c.Cmd)
	text("user", c.User)
	number("redir", c.Redir)
	number("resp", int64(c.Resp))
	text("lib-name", c.LibName)
	text("lib-ver", c.LibVer)
	b[len(b)-1] = '\n'
	return b
}
