package server

import (
	"bytes"
	"strings"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/glob"
	"github.com/weirmq/weir/resp"
)

// asConnection: COMMAND is documented among the server's commands, but is what a client asks when it connects.
var asConnection = []string{"connection"}

func (f family) command() command.Spec {
	unordered := []string{"nondeterministic_output_order"}
	return command.WithHelp(withACL(command.Spec{
		Name: "command", Group: command.Server, Since: "2.8.13", Arity: -1,
		Summary:    "Describe all commands to a program.",
		Complexity: "O(N) where N is the number of commands",
		Flags:      inquiry,
		Tips:       unordered,
		Run:        command.Plain(f.runCommand),
		Sub: []command.Spec{
			{
				Name: "count", Since: "2.8.13", Arity: 2,
				Summary: "Count the commands.",
				Flags:   inquiry,
				Run:     command.Plain(f.runCount),
			},
			{
				Name: "docs", Since: "7.0.0", Arity: -2,
				Syntax:     "[command-name [command-name ...]]",
				Summary:    "Document commands, all of them if none is named.",
				Complexity: "O(N) where N is the number of commands named",
				Flags:      inquiry,
				Tips:       unordered,
				Run:        command.Plain(f.runDocs),
			},
			{
				Name: "getkeys", Since: "2.8.13", Arity: -4,
				Syntax:     "command [arg [arg ...]]",
				Summary:    "Find the keys in a command line.",
				Complexity: "O(N) where N is the number of arguments",
				Flags:      inquiry,
				Run:        command.Handle(f.parseGetKeys, runGetKeys),
			},
			{
				Name: "getkeysandflags", Since: "7.0.0", Arity: -4,
				Syntax:     "command [arg [arg ...]]",
				Summary:    "Find the keys in a command line, and what happens to them.",
				Complexity: "O(N) where N is the number of arguments",
				Flags:      inquiry,
				Run:        command.Handle(f.parseGetKeys, runGetKeysAndFlags),
			},
			{
				Name: "info", Since: "2.8.13", Arity: -2,
				Syntax:     "[command-name [command-name ...]]",
				Summary:    "Describe commands to a program, all of them if none is named.",
				Complexity: "O(N) where N is the number of commands named",
				Flags:      inquiry,
				Tips:       unordered,
				Run:        command.Plain(f.runCommandInfo),
			},
			{
				Name: "list", Since: "7.0.0", Arity: -2,
				Syntax:     "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
				Summary:    "Name the commands and subcommands, all or those that a filter selects.",
				Complexity: "O(N) where N is the number of commands",
				Flags:      inquiry,
				Tips:       unordered,
				Run:        command.Handle(parseCommandList, f.runCommandList),
			},
		},
	}), "5.0.0")
}

// withACL puts a container, and with it all its subcommands, HELP included, among the connection's commands.
func withACL(s command.Spec) command.Spec {
	s.ACL = asConnection
	for i := range s.Sub {
		s.Sub[i].ACL = asConnection
	}
	return s
}

// lookup finds a command by its name, or a subcommand by "container|name".
func lookup(t *command.Table, name []byte) *command.Spec {
	container, sub, found := bytes.Cut(name, []byte("|"))
	s := t.Lookup(container)
	if s == nil || !found {
		return s
	}
	return s.Lookup(sub)
}

func (f family) runCommand(c *command.Call) error {
	all := f.host.Table().All()
	c.Out.Array(len(all))
	for _, s := range all {
		writeInfo(c.Out, s)
	}
	return nil
}

func (f family) runCount(c *command.Call) error {
	c.Out.Int(int64(len(f.host.Table().All())))
	return nil
}

func (f family) runCommandInfo(c *command.Call) error {
	names := c.Args[2:]
	if len(names) == 0 {
		return f.runCommand(c)
	}
	c.Out.Array(len(names))
	for _, name := range names {
		if s := lookup(f.host.Table(), name); s != nil {
			writeInfo(c.Out, s)
		} else {
			c.Out.Null()
		}
	}
	return nil
}

// writeInfo writes the ten parts that describe a command to a program.
func writeInfo(w *resp.Writer, s *command.Spec) {
	w.Array(10)
	w.BulkString(s.FullName)
	w.Int(int64(s.Arity))
	writeWords(w, s.Flags.Names())
	keys, _ := s.Keys.Range()
	w.Int(int64(keys.First))
	w.Int(int64(keys.Last))
	w.Int(int64(keys.Step))
	writeWords(w, s.Categories())
	w.Set(len(s.Tips))
	for _, tip := range s.Tips {
		w.BulkString(tip)
	}
	specs := s.KeySpecs()
	w.Set(len(specs))
	for i := range specs {
		writeKeySpec(w, &specs[i])
	}
	w.Set(len(s.Sub))
	for i := range s.Sub {
		writeInfo(w, &s.Sub[i])
	}
}

func writeWords(w *resp.Writer, words []string) {
	w.Set(len(words))
	for _, word := range words {
		w.SimpleString(word)
	}
}

func writeKeySpec(w *resp.Writer, k *command.KeySpec) {
	number := func(name string, v int) {
		w.BulkString(name)
		w.Int(int64(v))
	}
	begin := func(kind string, parts int) {
		w.Map(2)
		w.BulkString("type")
		w.BulkString(kind)
		w.BulkString("spec")
		w.Map(parts)
	}
	if k.Notes == "" {
		w.Map(3)
	} else {
		w.Map(4)
		w.BulkString("notes")
		w.BulkString(k.Notes)
	}
	w.BulkString("flags")
	writeWords(w, k.AccessFlags())
	w.BulkString("begin_search")
	switch {
	case k.Unknown:
		begin("unknown", 0)
	case k.Keyword != "":
		begin("keyword", 2)
		w.BulkString("keyword")
		w.BulkString(k.Keyword)
		number("startfrom", k.From)
	default:
		begin("index", 1)
		number("index", k.Index)
	}
	w.BulkString("find_keys")
	switch {
	case k.Unknown:
		begin("unknown", 0)
	case k.NumKeys:
		begin("keynum", 3)
		number("keynumidx", 0)
		number("firstkey", 1)
		number("keystep", k.Step)
	default:
		begin("range", 3)
		number("lastkey", k.LastKey)
		number("keystep", k.Step)
		number("limit", k.Limit)
	}
}

type filter struct {
	by      byte // 0: all; m, a, p
	operand []byte
}

func parseCommandList(args command.Args) (filter, error) {
	if len(args) == 2 {
		return filter{}, nil
	}
	if len(args) != 5 || !command.EqualFold(args[2], "FILTERBY") {
		return filter{}, command.ErrSyntax
	}
	switch operand := args[4]; {
	case command.EqualFold(args[3], "MODULE"):
		return filter{'m', operand}, nil
	case command.EqualFold(args[3], "ACLCAT"):
		return filter{'a', operand}, nil
	case command.EqualFold(args[3], "PATTERN") && len(operand) > glob.MaxPattern:
		return filter{}, errPattern
	case command.EqualFold(args[3], "PATTERN"):
		return filter{'p', operand}, nil
	default:
		return filter{}, command.ErrSyntax
	}
}

func (a filter) admits(s *command.Spec) bool {
	switch a.by {
	case 'm':
		return false // there are no modules
	case 'a':
		for _, category := range s.Categories() {
			if strings.EqualFold(category[1:], string(a.operand)) {
				return true
			}
		}
		return false
	case 'p':
		return glob.MatchFold(a.operand, []byte(s.FullName))
	default:
		return true
	}
}

func (f family) runCommandList(c *command.Call, a filter) error {
	mark, n := c.Out.Mark(), 0
	show := func(s *command.Spec) {
		if a.admits(s) {
			c.Out.BulkString(s.FullName)
			n++
		}
	}
	for _, s := range f.host.Table().All() {
		show(s)
		for i := range s.Sub {
			show(&s.Sub[i])
		}
	}
	c.Out.InsertArray(mark, n)
	return nil
}

// found is a key that a command line names.
type found struct {
	key   []byte
	flags []string
}

func (f family) parseGetKeys(args command.Args) ([]found, error) {
	line := args[2:]
	s := f.host.Table().Lookup(line[0])
	if s != nil && len(s.Sub) > 0 && len(line) > 1 {
		if sub := s.Lookup(line[1]); sub != nil || s.Run == nil {
			s = sub
		}
	}
	switch {
	case s == nil:
		return nil, command.Error("ERR Invalid command specified")
	case len(s.Keys.Specs) == 0:
		return nil, command.Error("ERR The command has no key arguments")
	case s.Arity > 0 && len(line) != s.Arity || len(line) < -s.Arity:
		return nil, command.Error("ERR Invalid number of arguments specified for command")
	}
	keys := s.FindKeys(line)
	if len(keys) == 0 {
		return nil, command.Error("ERR Invalid arguments specified for command")
	}
	all := make([]found, len(keys))
	for i, key := range keys {
		all[i] = found{line[key.Index], key.AccessFlags()}
	}
	return all, nil
}

func runGetKeys(c *command.Call, keys []found) error {
	c.Out.Array(len(keys))
	for _, k := range keys {
		c.Out.Bulk(k.key)
	}
	return nil
}

func runGetKeysAndFlags(c *command.Call, keys []found) error {
	c.Out.Array(len(keys))
	for _, k := range keys {
		c.Out.Array(2)
		c.Out.Bulk(k.key)
		writeWords(c.Out, k.flags)
	}
	return nil
}
