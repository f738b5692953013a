package server

import (
	"strings"

	"github.com/weirmq/weir/internal/command"
)

var lolwut = command.Spec{
	Name: "lolwut", Group: command.Server, Since: "5.0.0", Arity: -1,
	Syntax:  "[VERSION version]",
	Summary: "The version of Redis that is followed; with VERSION 5 or 6, below a view of the river.",
	Flags:   command.ReadOnly | command.Fast,
	Run:     command.Handle(parseLolwut, runLolwut),
}

// parseLolwut reads the version, 0 if none is given. Other words are for the artist.
func parseLolwut(args command.Args) (version int64, err error) {
	if len(args) > 2 && command.EqualFold(args[1], "VERSION") {
		return command.ParseInt(args[2])
	}
	return 0, nil
}

func runLolwut(c *command.Call, version int64) error {
	var b strings.Builder
	if version == 5 || version == 6 {
		river(&b, c.Random)
	}
	b.WriteString("Redis ver. " + command.RedisVersion + "\n")
	c.Out.Verbatim("txt", b.String())
	return nil
}

// river draws a weir: quiet water above it, the fall, and what the water does below, which is never the same twice.
func river(b *strings.Builder, random func(n uint64) uint64) {
	const width, above, below = 48, 3, 5
	line := func(draw func() byte) {
		for range width {
			b.WriteByte(draw())
		}
		b.WriteByte('\n')
	}
	for range above {
		line(func() byte { return "~~~~~~~~-"[random(9)] })
	}
	line(func() byte { return '=' })
	line(func() byte { return '|' })
	for row := range uint64(below) {
		line(func() byte { return "~.oO~~ "[random(7-row)] })
	}
	b.WriteByte('\n')
}
