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
	if s.Deprecated != "" {
		n++
		w.BulkString("doc_flags")
		writeWords(w, []string{"deprecated"})
		text("deprecated_since", s.Deprecated)
		text("replaced_by", s.ReplacedBy)
	}
	if arguments := s.Arguments(); len(arguments) > 0 {
		n++
		w.BulkString("arguments")
		d := argumentWriter{w: w, specs: s.KeySpecs()}
		d.arguments(arguments)
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

// argumentWriter writes the arguments of one command. They name keys in the order of the key specifications.
type argumentWriter struct {
	w     *resp.Writer
	specs []command.KeySpec
	next  int  // the specification of the next key
	taken bool // by patterns that name keys
}

func (d *argumentWriter) arguments(arguments []command.Argument) {
	d.w.Array(len(arguments))
	for i := range arguments {
		d.argument(&arguments[i])
	}
}

func (d *argumentWriter) argument(a *command.Argument) {
	w := d.w
	mark, n := w.Mark(), 2
	w.BulkString("name")
	w.BulkString(a.Name)
	w.BulkString("type")
	w.BulkString(a.Type)
	if at := d.keySpec(a); at >= 0 {
		n++
		w.BulkString("key_spec_index")
		w.Int(int64(at))
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
		d.arguments(a.Arguments)
	}
	w.InsertMap(mark, n)
}

// keySpec returns the index of the specification that an argument's keys belong to, -1 if it names none. A pattern does
// if the specification that is next cannot say where its keys are: they come from values, as those of SORT's BY and GET.
func (d *argumentWriter) keySpec(a *command.Argument) int {
	last := len(d.specs) - 1
	switch {
	case a.Type == "pattern" && d.next <= last && d.specs[d.next].Unknown:
		d.taken = true
		return d.next
	case a.Type == "key" && last >= 0:
		if d.taken {
			d.next, d.taken = d.next+1, false
		}
		at := min(d.next, last)
		d.next++
		return at
	default:
		return -1
	}
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
