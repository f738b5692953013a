package streams

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/stream"
)

var xcfgset = command.Spec{
	Name: "xcfgset", Group: command.Streams, Since: "8.6.0", Arity: -2,
	Syntax:  "key [IDMP-DURATION seconds] [IDMP-MAXSIZE count]",
	Summary: "Set for how long, and for how many entries per producer, a stream recognises repetitions.",
	Flags:   command.Write | command.DenyOOM | command.Fast,
	Keys:    command.KeyAt(1),
	Run:     command.Handle(parseXCfgSet, runXCfgSet),
}

// xcfgsetArgs has 0 for what is not to change.
type xcfgsetArgs struct {
	key              []byte
	seconds, maxSize int
}

const errCfgNothing command.Error = "ERR At least one parameter must be specified"

func parseXCfgSet(args command.Args) (xcfgsetArgs, error) {
	a := xcfgsetArgs{key: args[1]}
	if len(args) == 2 {
		return a, errCfgNothing
	}
	for at := 2; at < len(args); at += 2 {
		var to *int
		var most int
		var name, unit string
		switch {
		case command.EqualFold(args[at], "IDMP-DURATION"):
			to, most, name, unit = &a.seconds, stream.MaxIdempotencySeconds, "IDMP-DURATION", "seconds"
		case command.EqualFold(args[at], "IDMP-MAXSIZE"):
			to, most, name, unit = &a.maxSize, stream.MaxIdempotencySize, "IDMP-MAXSIZE", "entries"
		default:
			return a, command.ErrSyntax
		}
		if at+1 == len(args) {
			return a, command.ErrSyntax
		}
		if *to != 0 {
			return a, command.Errorf("ERR %s specified multiple times", name)
		}
		n, err := command.ParseInt(args[at+1])
		if err != nil {
			return a, err
		}
		if n < 1 || n > int64(most) {
			return a, command.Errorf("ERR %s must be between 1 and %d %s", name, most, unit)
		}
		*to = int(n)
	}
	return a, nil
}

func runXCfgSet(c *command.Call, a xcfgsetArgs) error {
	s, err := c.Tx.Stream(a.key)
	if err != nil {
		return err
	}
	if s == nil {
		return command.ErrNoSuchKey
	}
	seconds, maxSize := stream.DefaultIdempotencySeconds, stream.DefaultIdempotencySize
	if d := s.Idempotency(); d != nil {
		seconds, maxSize = d.Stats().Seconds, d.Stats().MaxSize
	}
	if a.seconds != 0 {
		seconds = a.seconds
	}
	if a.maxSize != 0 {
		maxSize = a.maxSize
	}
	c.Tx.StreamConfigureIdempotence(a.key, seconds, maxSize)
	c.Out.OK()
	return nil
}
