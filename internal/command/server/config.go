package server

import (
	"strings"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/glob"
)

const errPattern command.Error = "ERR pattern is longer than 65536 bytes"

func (f family) config() command.Spec {
	return command.WithHelp(command.Spec{
		Name: "config", Group: command.Server, Since: "2.0.0", Arity: -2,
		Summary: "Settings and statistics of the running server.",
		Sub: []command.Spec{
			{
				Name: "get", Since: "2.0.0", Arity: -3,
				Syntax:     "parameter [parameter ...]",
				Summary:    "Settings whose names match one of the patterns, with their values.",
				Complexity: "O(N) where N is the number of patterns",
				Flags:      administration,
				Run:        command.Handle(parseConfigGet, f.runConfigGet),
			},
			{
				Name: "set", Since: "2.0.0", Arity: -4,
				Syntax:     "parameter value [parameter value ...]",
				Summary:    "Change settings until the server ends, all of them or none.",
				Complexity: "O(N) where N is the number of settings",
				Flags:      administration,
				Tips:       []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
				Run:        command.Plain(f.runConfigSet),
			},
			{
				Name: "resetstat", Since: "2.0.0", Arity: 2,
				Summary: "Set the counters that INFO shows to zero.",
				Flags:   administration,
				Run:     command.Plain(f.runResetStat),
			},
			{
				Name: "rewrite", Since: "2.8.0", Arity: 2,
				Summary: "Refused: the server does not write its configuration.",
				Flags:   administration,
				Run:     command.Plain(f.runRewrite),
			},
		},
	}, "5.0.0")
}

func parseConfigGet(args command.Args) ([][]byte, error) {
	for _, pattern := range args[2:] {
		if len(pattern) > glob.MaxPattern {
			return nil, errPattern
		}
	}
	return args[2:], nil
}

// runConfigGet answers each setting once, under the name that the first pattern to find it found.
func (f family) runConfigGet(c *command.Call, patterns [][]byte) error {
	settings := f.host.Settings()
	shown := map[string]bool{}
	mark := c.Out.Mark()
	show := func(name, as string, s *Setting) {
		if !shown[name] {
			shown[name] = true
			c.Out.BulkString(as)
			c.Out.BulkString(s.Get())
		}
	}
	for _, pattern := range patterns {
		if !strings.ContainsAny(string(pattern), "*?[") {
			if s, name := find(settings, pattern); s != nil {
				show(name, string(pattern), s)
			}
			continue
		}
		for i := range settings {
			s := &settings[i]
			for _, name := range []string{s.Name, s.Alias} {
				if name != "" && glob.MatchFold(pattern, []byte(name)) {
					show(name, name, s)
				}
			}
		}
	}
	c.Out.InsertMap(mark, len(shown))
	return nil
}

// find returns the setting of a name in any case, and that name as it is declared.
func find(settings []Setting, name []byte) (s *Setting, declared string) {
	for i := range settings {
		s := &settings[i]
		if strings.EqualFold(string(name), s.Name) {
			return s, s.Name
		}
		if s.Alias != "" && strings.EqualFold(string(name), s.Alias) {
			return s, s.Alias
		}
	}
	return nil, ""
}

func errSet(name, why string) error {
	return command.Errorf("ERR CONFIG SET failed (possibly related to argument '%s') - %s", name, why)
}

// pair is one change that CONFIG SET was asked for.
type pair struct {
	setting *Setting
	name    string
	value   string
	before  string
}

func (f family) runConfigSet(c *command.Call) error {
	pairs, err := resolve(f.host.Settings(), c.Args[2:])
	if err != nil {
		return err
	}
	for i := range pairs {
		p := &pairs[i]
		p.before = p.setting.Get()
		if err := p.setting.Set(p.value); err != nil {
			why := command.Printable([]byte(err.Error()), 512)
			if kept := restore(pairs[:i]); kept != nil {
				why += "; still changed: " + strings.Join(kept, ", ")
			}
			return errSet(p.name, why)
		}
	}
	c.Out.OK()
	return nil
}

// resolve finds what can be found wrong before anything is changed.
func resolve(settings []Setting, args [][]byte) ([]pair, error) {
	if len(args)%2 != 0 {
		return nil, command.ErrSyntax
	}
	var pairs []pair
	seen := map[string]bool{}
	for i := 0; i < len(args); i += 2 {
		typed := command.Printable(args[i], 128)
		s, name := find(settings, args[i])
		switch {
		case s == nil:
			return nil, command.Errorf("ERR Unknown option or number of arguments for CONFIG SET - '%s'", typed)
		case s.Protected:
			return nil, errSet(typed, "can't set protected config")
		case s.Set == nil:
			return nil, errSet(typed, "can't set immutable config")
		case seen[name]:
			return nil, errSet(typed, "duplicate parameter")
		}
		seen[name] = true
		pairs = append(pairs, pair{setting: s, name: name, value: string(args[i+1])})
	}
	return pairs, nil
}

// restore undoes changes, the last one first. It names those that refuse the value they had, against what Setting asks
// of them: the operator must know.
func restore(pairs []pair) (kept []string) {
	for i := len(pairs) - 1; i >= 0; i-- {
		if pairs[i].setting.Set(pairs[i].before) != nil {
			kept = append(kept, pairs[i].name)
		}
	}
	return kept
}

func (f family) runResetStat(c *command.Call) error {
	for _, s := range f.host.Table().All() {
		s.Metrics = command.Metrics{}
		for i := range s.Sub {
			s.Sub[i].Metrics = command.Metrics{}
		}
	}
	f.host.ResetStats()
	c.Out.OK()
	return nil
}

func (f family) runRewrite(*command.Call) error {
	if f.host.Info().ConfigFile == "" {
		return command.Error("ERR The server is running without a config file")
	}
	return command.Error("ERR The configuration file is not rewritten: put what CONFIG SET has changed into it by hand, or give " +
		"it as a flag")
}
