package streams

import (
	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/stream"
)

var xgroup = command.WithHelp(command.Spec{
	Name: "xgroup", Group: command.Streams, Since: "5.0.0", Arity: -2,
	Summary: "Create, move and destroy consumer groups and their consumers.",
	Sub:     []command.Spec{xgroupCreate, xgroupCreateConsumer, xgroupDelConsumer, xgroupDestroy, xgroupSetID},
}, "5.0.0")

var xgroupCreate = command.Spec{
	Name: "create", Since: "5.0.0", Arity: -5,
	Syntax:  "key group <id | $> [MKSTREAM] [ENTRIESREAD entries-read]",
	Summary: "Create a group that reads on above an ID: 0 for all of the stream, $ for what is yet to come.",
	Flags:   command.Write | command.DenyOOM,
	Keys:    command.KeyAt(2).For("RW insert"),
	Run:     command.Handle(parseXGroupCreate, runXGroupCreate),
}

var xgroupSetID = command.Spec{
	Name: "setid", Since: "5.0.0", Arity: -5,
	Syntax:  "key group <id | $> [ENTRIESREAD entries-read]",
	Summary: "Make a group read on above another ID. What is pending stays so.",
	Flags:   command.Write,
	Keys:    command.KeyAt(2),
	Run:     command.Handle(parseXGroupSetID, runXGroupSetID),
}

var xgroupDestroy = command.Spec{
	Name: "destroy", Since: "5.0.0", Arity: 4,
	Syntax:     "key group",
	Summary:    "Remove a group with its consumers and all that is pending.",
	Complexity: "O(N) for N pending entries",
	Flags:      command.Write | command.Frees,
	Keys:       command.KeyAt(2).For("RW delete"),
	Run:        command.Handle(parseXGroupDestroy, runXGroupDestroy),
}

var xgroupCreateConsumer = command.Spec{
	Name: "createconsumer", Since: "6.2.0", Arity: 5,
	Syntax:  "key group consumer",
	Summary: "Create a consumer, and return whether it is new.",
	Flags:   command.Write | command.DenyOOM,
	Keys:    command.KeyAt(2).For("RW insert"),
	Run:     command.Handle(parseXGroupConsumer, runXGroupCreateConsumer),
}

var xgroupDelConsumer = command.Spec{
	Name: "delconsumer", Since: "5.0.0", Arity: 5,
	Syntax:     "key group consumer",
	Summary:    "Remove a consumer with all that is pending for it, and return how much that was.",
	Complexity: "O(N) for N pending entries of the consumer",
	Flags:      command.Write | command.Frees,
	Keys:       command.KeyAt(2).For("RW delete"),
	Run:        command.Handle(parseXGroupConsumer, runXGroupDelConsumer),
}

const (
	errGroupNeedsKey command.Error = "ERR The XGROUP subcommand requires the key to exist. " +
		"Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically."
	errGroupExists  command.Error = "BUSYGROUP Consumer Group name already exists"
	errEntriesRead  command.Error = "ERR value for ENTRIESREAD must be positive or -1"
	maxCreateWords                = 8
	maxSetIDWords                 = 7
	groupOptionFrom               = 5
)

// xgroupArgs are the arguments of CREATE and SETID.
type xgroupArgs struct {
	key, group  []byte
	makeStream  bool
	entriesRead int64
	id          stream.ID
	atLast      bool // "$": the stream's last ID, instead of id
	// err is what is wrong with the ID or the number of words. It matters only if there is a stream, and for SETID a
	// group; other errors come before.
	err error
}

func parseXGroupCreate(args command.Args) (xgroupArgs, error) {
	a := newXGroupArgs(args)
	if err := a.parseOptions(args, true); err != nil {
		return a, err
	}
	a.parseID(args[4])
	if len(args) > maxCreateWords {
		a.err = wrongSubcommand(args)
	}
	return a, nil
}

func parseXGroupSetID(args command.Args) (xgroupArgs, error) {
	a := newXGroupArgs(args)
	if err := a.parseOptions(args, false); err != nil {
		return a, err
	}
	if len(args) > maxSetIDWords {
		a.err = wrongSubcommand(args)
		return a, nil
	}
	switch special(args[4]) {
	case '-':
		a.id = stream.MinID
	case '+':
		a.id = stream.MaxID
	default:
		a.parseID(args[4])
	}
	return a, nil
}

func newXGroupArgs(args command.Args) xgroupArgs {
	return xgroupArgs{key: args[2], group: args[3], entriesRead: groups.Unknown}
}

// parseOptions reads what stands behind the ID, each word as often as it comes.
func (a *xgroupArgs) parseOptions(args command.Args, create bool) (err error) {
	for rest := args[groupOptionFrom:]; len(rest) > 0; {
		switch {
		case create && command.EqualFold(rest[0], "MKSTREAM"):
			a.makeStream, rest = true, rest[1:]
		case len(rest) > 1 && command.EqualFold(rest[0], "ENTRIESREAD"):
			if a.entriesRead, err = command.ParseInt(rest[1]); err != nil {
				return err
			}
			if a.entriesRead < 0 && a.entriesRead != groups.Unknown {
				return errEntriesRead
			}
			rest = rest[2:]
		default:
			return wrongSubcommand(args)
		}
	}
	return nil
}

func (a *xgroupArgs) parseID(arg []byte) {
	if a.atLast = special(arg) == '$'; !a.atLast {
		a.id, a.err = parseID(arg, 0)
	}
}

// wrongSubcommand is the error for words behind a subcommand that it does not know.
func wrongSubcommand(args command.Args) error {
	return command.Errorf("ERR unknown subcommand or wrong number of arguments for '%s'. Try XGROUP HELP.", command.Printable(args[1], 128))
}

func runXGroupCreate(c *command.Call, a xgroupArgs) error {
	s, g, err := groupAt(c, a.key, a.group)
	switch {
	case err != nil:
		return err
	case s == nil && !a.makeStream:
		return errGroupNeedsKey
	case a.err != nil:
		return a.err
	case g != nil:
		return errGroupExists
	}
	if a.atLast && s != nil {
		a.id = s.LastID()
	}
	c.Tx.GroupCreate(a.key, a.group, a.id, a.entriesRead)
	c.Out.OK()
	return nil
}

func runXGroupSetID(c *command.Call, a xgroupArgs) error {
	s, _, err := groupToChange(c, a.key, a.group)
	if err != nil {
		return err
	}
	if a.err != nil {
		return a.err
	}
	if a.atLast {
		a.id = s.LastID()
	}
	c.Tx.GroupSetID(a.key, a.group, a.id, a.entriesRead)
	c.Out.OK()
	return nil
}

// groupToChange is groupAt for XGROUP, to which a missing key is one error and a missing group another.
func groupToChange(c *command.Call, key, name []byte) (*state.Stream, *groups.Group, error) {
	s, g, err := groupAt(c, key, name)
	switch {
	case err != nil:
	case s == nil:
		err = errGroupNeedsKey
	case g == nil:
		err = noSuchGroup(key, name)
	}
	return s, g, err
}

// noSuchGroup is the error for a group that is missing where the key is there.
func noSuchGroup(key, group []byte) error {
	return command.Errorf("NOGROUP No such consumer group '%s' for key name '%s'", text(group), text(key))
}

type xgroupDestroyArgs struct{ key, group []byte }

func parseXGroupDestroy(args command.Args) (xgroupDestroyArgs, error) {
	return xgroupDestroyArgs{args[2], args[3]}, nil
}

func runXGroupDestroy(c *command.Call, a xgroupDestroyArgs) error {
	s, g, err := groupAt(c, a.key, a.group)
	switch {
	case err != nil:
		return err
	case s == nil:
		return errGroupNeedsKey
	case g == nil:
		c.Out.Int(0)
		return nil
	}
	c.Tx.GroupDestroy(a.key, a.group)
	c.Out.Int(1)
	return nil
}

type xgroupConsumerArgs struct{ key, group, consumer []byte }

func parseXGroupConsumer(args command.Args) (xgroupConsumerArgs, error) {
	return xgroupConsumerArgs{args[2], args[3], args[4]}, nil
}

func runXGroupCreateConsumer(c *command.Call, a xgroupConsumerArgs) error {
	_, g, err := groupToChange(c, a.key, a.group)
	if err != nil {
		return err
	}
	created := int64(0)
	if g.Consumer(a.consumer) == nil {
		c.Tx.ConsumerCreate(a.key, a.group, a.consumer, c.NowMS)
		created = 1
	}
	c.Out.Int(created)
	return nil
}

func runXGroupDelConsumer(c *command.Call, a xgroupConsumerArgs) error {
	_, g, err := groupToChange(c, a.key, a.group)
	if err != nil {
		return err
	}
	pending := 0
	if g.Consumer(a.consumer) != nil {
		pending = c.Tx.ConsumerDelete(a.key, a.group, a.consumer)
	}
	c.Out.Int(int64(pending))
	return nil
}
