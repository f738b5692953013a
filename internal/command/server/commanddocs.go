package server

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/resp"
)

// runDocs answers a map of the commands that exist among those named.
func (f family) runDocs(c *command.Call) error {
	names := c.Args[2:]
	mark, n := c.Out.Mark(), 0
	if len(names) == 0 {
		for _, s := range f.host.Table().All() {
			writeDocs(c.Out, s)
			n++
		}
	}
	for _, name := range names {
		if s := lookup(f.host.Table(), name); s != nil {
			writeDocs(c.Out, s)
			n++
		}
	}
	c.Out.InsertMap(mark, n)
	return nil
}

// writeDocs writes a name and its documentation.
func writeDocs(w *resp.Writer, s *command.Spec) {
	w.BulkString(s.FullName)
	mark, n := w.Mark(), 0
	text := func(name, value string) {
		n++
		w.BulkString(name)
		w.BulkString(value)
	}
	text("summary", s.Summary)
	text("since", s.Since)
	text("group", string(s.Group))
	text("complexity", s.ComplexityText())
	if arguments := s.Arguments(); len(arguments) > 0 {
		n++
		w.BulkString("arguments")
		writeArguments(w, arguments)
	}
	if len(s.Sub) > 0 {
		n++
		w.BulkString("subcommands")
		w.Map(len(s.Sub))
		for i := range s.Sub {
			writeDocs(w, &s.Sub[i])
		}
	}
	w.InsertMap(mark, n)
}

func writeArguments(w *resp.Writer, arguments []command.Argument) {
	w.Array(len(arguments))
	for i := range arguments {
		writeArgument(w, &arguments[i])
	}
}

func writeArgument(w *resp.Writer, a *command.Argument) {
	mark, n := w.Mark(), 2
	w.BulkString("name")
	w.BulkString(a.Name)
	w.BulkString("type")
	w.BulkString(a.Type)
	if a.Type == "key" {
		n++
		w.BulkString("key_spec_index")
		w.Int(0)
	}
	if a.Token != "" {
		n++
		w.BulkString("token")
		w.BulkString(a.Token)
	}
	if flags := argumentFlags(a); len(flags) > 0 {
		n++
		w.BulkString("flags")
		writeWords(w, flags)
	}
	if len(a.Arguments) > 0 {
		n++
		w.BulkString("arguments")
		writeArguments(w, a.Arguments)
	}
	w.InsertMap(mark, n)
}

func argumentFlags(a *command.Argument) []string {
	var flags []string
	for _, f := range []struct {
		on   bool
		name string
	}{{a.Optional, "optional"}, {a.Multiple, "multiple"}, {a.MultipleToken, "multiple_token"}} {
		if f.on {
			flags = append(flags, f.name)
		}
	}
	return flags
}
