package command

import (
	"fmt"
	"io"
	"strings"
)

// WithHelp adds the subcommand HELP, derived from the others, to a container.
func WithHelp(container Spec, since string) Spec {
	container.Sub = append(append([]Spec(nil), container.Sub...), Spec{
		Name: "help", Since: since, Arity: 2,
		Summary: "Prints this help.",
		Flags:   Loading | Stale,
		ACL:     container.ACL,
	})
	lines := helpLines(&container)
	container.Sub[len(container.Sub)-1].Run = Plain(func(c *Call) error {
		c.Out.Array(len(lines))
		for _, line := range lines {
			c.Out.SimpleString(line)
		}
		return nil
	})
	return container
}

// helpLines has the shape of Redis's help, so that redis-cli and people find it familiar.
func helpLines(container *Spec) []string {
	lines := []string{strings.ToUpper(container.Name) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"}
	for i := range container.Sub {
		sub := &container.Sub[i]
		lines = append(lines, usage(strings.ToUpper(sub.Name), sub.Syntax), "    "+sub.Summary)
	}
	return lines
}

func usage(name, syntax string) string {
	if syntax == "" {
		return name
	}
	return name + " " + syntax
}

// Usage is the command with its arguments, as a client would type it.
func (s *Spec) Usage() string {
	return usage(strings.ToUpper(strings.ReplaceAll(s.FullName, "|", " ")), s.Syntax)
}

// ComplexityText is the complexity in words that COMMAND DOCS shows.
func (s *Spec) ComplexityText() string {
	switch {
	case s.Complexity != "":
		return s.Complexity
	case len(s.Sub) > 0 && s.Run == nil:
		return "Depends on subcommand."
	default:
		return "O(1)"
	}
}

// Arguments is the tree of the command's arguments. It panics on a Syntax that does not parse, which the test of the
// table excludes.
func (s *Spec) Arguments() []Argument {
	arguments, err := ParseSyntax(s.Syntax)
	if err != nil {
		panic(s.FullName + ": " + err.Error())
	}
	return arguments
}

// WriteDocs writes the reference of all commands as Markdown. The result depends on nothing but the table.
func WriteDocs(w io.Writer, t *Table) error {
	d := docWriter{w: w}
	d.printf("# Commands\n\n")
	d.printf("Generated from the command table by `go generate ./...`; do not edit. How replies and errors differ from\n" +
		"Redis 7.0.15 is in [compat.md](compat.md).\n")
	var groups []Group
	byGroup := map[Group][]*Spec{}
	for _, s := range t.All() {
		if byGroup[s.Group] == nil {
			groups = append(groups, s.Group)
		}
		byGroup[s.Group] = append(byGroup[s.Group], s)
	}
	for _, g := range groups {
		d.printf("\n## %s\n", g)
		for _, s := range byGroup[g] {
			d.command(s)
		}
	}
	return d.err
}

type docWriter struct {
	w   io.Writer
	err error
}

func (d *docWriter) printf(format string, a ...any) {
	if d.err == nil {
		_, d.err = fmt.Fprintf(d.w, format, a...)
	}
}

func (d *docWriter) command(s *Spec) {
	if len(s.Sub) == 0 || s.Run != nil {
		d.entry(s)
	}
	for i := range s.Sub {
		d.entry(&s.Sub[i])
	}
}

func (d *docWriter) entry(s *Spec) {
	d.printf("\n### %s\n\n```\n%s\n```\n\n%s\n\n", strings.ToUpper(strings.ReplaceAll(s.FullName, "|", " ")), s.Usage(), s.Summary)
	d.printf("Since %s. %s. ACL: %s.\n", s.Since, strings.TrimSuffix(s.ComplexityText(), "."), strings.Join(s.Categories(), " "))
}
