// Package command is the frame that commands are declared in. A command is a Spec beside its parse and its run; a family
// (a package below this one) lists its Specs; everything else that is known about commands (arity errors, key
// extraction, COMMAND and its DOCS, HELP, docs/commands.md, metrics) is derived from the table of Specs.
//
//	var xlen = command.Spec{
//		Name: "xlen", Group: command.Streams, Since: "5.0.0", Arity: 2,
//		Syntax:  "key",
//		Summary: "Return the number of entries of a stream.",
//		Flags:   command.ReadOnly | command.Fast,
//		Keys:    command.KeyAt(1),
//		Run:     command.Handle(parseXLen, runXLen),
//	}
//
// parse is pure: it turns arguments into a typed value, and every syntax error ends there. run decides and changes
// state through Call.Tx, and writes exactly one reply. An error that either returns becomes the reply; whatever run had
// written before is dropped.
package command

import (
	"slices"
	"strings"
)

// RedisVersion is the version of Redis whose behaviour and command set Weir follows, and that clients are told.
const RedisVersion = "7.0.15"

// Flags are properties of a command that COMMAND shows and the dispatcher acts on.
type Flags uint32

// The flags have Redis's names (see FlagNames).
const (
	Write Flags = 1 << iota
	ReadOnly
	DenyOOM // grows data: refused when memory or disk run out
	Admin
	PubSub
	NoScript
	Blocking
	Loading // allowed while the log is being replayed
	Stale
	SkipMonitor
	SkipSlowlog
	Fast
	NoAuth // allowed before authentication
	NoAsyncLoading
	NoMulti
	MovableKeys // derived from Keys
	AllowBusy
	Dangerous    // only an ACL category, not a flag on the wire
	MayReplicate // a ReadOnly that may change the form of a value: waits for CLIENT PAUSE WRITE; not a flag on the wire
	Frees        // takes data away: goes on while the disk is all but full; not a flag on the wire
	Reads        // a Write that looks up keys as ReadOnly does: as keyspace hits and misses; not a flag on the wire
)

// flagNames are in the order in which Redis lists them.
var flagNames = []struct {
	flag Flags
	name string
}{
	{Write, "write"}, {ReadOnly, "readonly"}, {DenyOOM, "denyoom"}, {Admin, "admin"}, {PubSub, "pubsub"},
	{NoScript, "noscript"}, {Blocking, "blocking"}, {Loading, "loading"}, {Stale, "stale"}, {SkipMonitor, "skip_monitor"},
	{SkipSlowlog, "skip_slowlog"}, {Fast, "fast"}, {NoAuth, "no_auth"},
	{NoAsyncLoading, "no_async_loading"}, {NoMulti, "no_multi"}, {MovableKeys, "movablekeys"}, {AllowBusy, "allow_busy"},
}

// Names returns the flags' wire names.
func (f Flags) Names() []string {
	var names []string
	for _, n := range flagNames {
		if f&n.flag != 0 {
			names = append(names, n.name)
		}
	}
	return names
}

// Group is the part of the command set that a command belongs to, as COMMAND DOCS names it. It is also an ACL category.
type Group string

// Groups of commands.
const (
	String      Group = "string"
	List        Group = "list"
	Hash        Group = "hash"
	Set         Group = "set"
	SortedSet   Group = "sorted-set"
	Geo         Group = "geo"
	Bitmap      Group = "bitmap"
	HyperLogLog Group = "hyperloglog"
	Streams     Group = "stream"
	Generic     Group = "generic"
	Connection  Group = "connection"
	Server      Group = "server"
)

// category returns the ACL category that a group's commands are in.
func (g Group) category() string {
	switch g {
	case Generic:
		return "keyspace"
	case SortedSet:
		return "sortedset"
	case Server:
		return ""
	default:
		return string(g)
	}
}

// Spec declares a command or a subcommand.
type Spec struct {
	Name  string // lower case, without the container's name
	Group Group
	Since string // version of Redis that has it, or "weir 0.1.0"
	// Deprecated is since which version of Redis ReplacedBy is the better choice; empty if the command is none to avoid.
	Deprecated string
	ReplacedBy string // in Redis's words
	Arity      int    // number of words including the name, and the container's; negative: at least
	Syntax     string // the arguments in redis.io notation; COMMAND DOCS derives the argument tree from it
	Summary    string // one sentence
	// Complexity is in O notation; empty for O(1).
	Complexity string
	Flags      Flags
	Keys       Keys
	Tips       []string // as in Redis's command tips
	ACL        []string // categories, without '@', beyond those that group and flags imply
	NoGroupACL bool     // the command is not in its group's category
	Run        Handler  // nil for a container that does nothing by itself
	Sub        []Spec   // subcommands of a container

	// FullName is "name" or "container|name". The table fills it in.
	FullName string
	// Metrics of this command. The dispatcher counts under the state lock.
	Metrics Metrics

	subs map[string]*Spec
}

// Metrics counts what became of a command's calls, as INFO commandstats shows it.
type Metrics struct {
	Calls    uint64
	Nanos    uint64 // time spent in successful and failed calls
	Rejected uint64 // refused before it ran
	Failed   uint64 // ran, and answered an error
}

// Categories returns the ACL categories, with '@', in the order Redis lists them.
func (s *Spec) Categories() []string {
	var c []string
	add := func(on bool, name string) {
		if on {
			c = append(c, "@"+name)
		}
	}
	group := s.Group.category()
	if s.Container() && s.Run == nil || s.NoGroupACL {
		group = "" // a container is only a name: its subcommands carry the categories
	}
	in := func(category string) bool { return group == category || slices.Contains(s.ACL, category) }
	admin := s.Flags&Admin != 0 || in("admin")
	add(in("keyspace"), "keyspace")
	add(s.Flags&ReadOnly != 0, "read")
	add(s.Flags&Write != 0, "write")
	for _, kind := range []string{"set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog", "geo", "stream"} {
		add(in(kind), kind)
	}
	add(s.Flags&PubSub != 0, "pubsub")
	add(admin, "admin")
	add(s.Flags&Fast != 0, "fast")
	add(s.Flags&Fast == 0, "slow")
	add(s.Flags&Blocking != 0, "blocking")
	add(admin || s.Flags&Dangerous != 0, "dangerous")
	add(in("connection"), "connection")
	return c
}

// Container reports whether the command has subcommands. One of them is meant by every second word, also when the
// container has a Run of its own, which is for the name alone.
func (s *Spec) Container() bool { return len(s.Sub) > 0 }

// Lookup finds a subcommand by its name in any case.
func (s *Spec) Lookup(name []byte) *Spec {
	return lookup(s.subs, name)
}

// Table is all commands by name.
type Table struct {
	commands map[string]*Spec
	ordered  []*Spec
}

// NewTable makes a table of the families' Specs. It panics if two have the same name: the list is fixed at build time.
func NewTable(families ...[]Spec) *Table {
	t := &Table{commands: map[string]*Spec{}}
	for _, family := range families {
		for _, declared := range family {
			s := &declared
			if t.commands[s.Name] != nil {
				panic("command declared twice: " + s.Name)
			}
			s.FullName = s.Name
			s.deriveFlags()
			s.Sub = append([]Spec(nil), s.Sub...)
			s.subs = map[string]*Spec{}
			for i := range s.Sub {
				sub := &s.Sub[i]
				sub.FullName = s.Name + "|" + sub.Name
				if sub.Group == "" {
					sub.Group = s.Group
				}
				sub.deriveFlags()
				s.subs[sub.Name] = sub
			}
			t.commands[s.Name] = s
			t.ordered = append(t.ordered, s)
		}
	}
	return t
}

func (s *Spec) deriveFlags() {
	if _, movable := s.Keys.Range(); movable {
		s.Flags |= MovableKeys
	}
}

// Lookup finds a command by its name in any case, nil if there is none. It does not allocate.
func (t *Table) Lookup(name []byte) *Spec { return lookup(t.commands, name) }

// All returns every command, containers included and subcommands not, in the order of declaration.
func (t *Table) All() []*Spec { return t.ordered }

func lookup(m map[string]*Spec, name []byte) *Spec {
	var lower [32]byte
	if len(name) > len(lower) {
		return nil
	}
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	return m[string(lower[:len(name)])]
}

// EqualFold reports whether an argument is the given keyword, which is written in upper case.
func EqualFold(arg []byte, keyword string) bool {
	return len(arg) == len(keyword) && strings.EqualFold(string(arg), keyword)
}
