package connection

import "github.com/weirmq/weir/internal/command"

// inquiry are the flags of subcommands that a client may send at any time but not from a script.
const inquiry = command.NoScript | command.Loading | command.Stale

func (f family) client() command.Spec {
	return command.WithHelp(command.Spec{
		Name: "client", Group: command.Connection, Since: "2.4.0", Arity: -2,
		Summary: "What is known about connections, this and others.",
		Sub: []command.Spec{
			clientID, clientSetName, clientGetName, clientSetInfo, f.clientInfo(), f.clientList(), f.clientKill(),
			f.clientUnblock(), clientNoEvict, clientNoTouch, f.clientReply(), f.clientPause(), f.clientUnpause(),
		},
	}, "5.0.0")
}

var clientID = command.Spec{
	Name: "id", Since: "5.0.0", Arity: 2,
	Summary: "The number of this connection. Numbers rise and are never used twice.",
	Flags:   inquiry,
	Run: command.Plain(func(c *command.Call) error {
		c.Out.Int(c.Session.ID)
		return nil
	}),
}

var clientSetName = command.Spec{
	Name: "setname", Since: "2.6.9", Arity: 3,
	Syntax:  "connection-name",
	Summary: "Name this connection; an empty name removes it.",
	Flags:   inquiry,
	Run: command.Plain(func(c *command.Call) error {
		if err := setName(c.Session, c.Args[2]); err != nil {
			return err
		}
		c.Out.OK()
		return nil
	}),
}

var clientGetName = command.Spec{
	Name: "getname", Since: "2.6.9", Arity: 2,
	Summary: "The name of this connection.",
	Flags:   inquiry,
	Run: command.Plain(func(c *command.Call) error {
		if c.Session.Name == "" {
			c.Out.Null()
		} else {
			c.Out.BulkString(c.Session.Name)
		}
		return nil
	}),
}

// clientSetInfo is newer than the Redis that is followed elsewhere: every current client library sends it.
var clientSetInfo = command.Spec{
	Name: "setinfo", Since: "7.2.0", Arity: 4,
	Syntax:  "<LIB-NAME libname | LIB-VER libver>",
	Summary: "Tell which client library this is.",
	Flags:   inquiry,
	Run:     command.Plain(runSetInfo),
}

func runSetInfo(c *command.Call) error {
	attribute, value := c.Args[2], c.Args[3]
	var field *string
	switch {
	case command.EqualFold(attribute, "LIB-NAME"):
		field = &c.Session.LibName
	case command.EqualFold(attribute, "LIB-VER"):
		field = &c.Session.LibVer
	default:
		return command.Errorf("ERR Unrecognized option '%s'", command.Printable(attribute, 128))
	}
	if !printable(value) {
		return command.Errorf("ERR %s cannot contain spaces, newlines or special characters.", attribute)
	}
	*field = string(value)
	c.Out.OK()
	return nil
}

// clientNoEvict is accepted and changes nothing but a letter of CLIENT LIST: no connection is ever closed to save memory,
// only for its own output.
var clientNoEvict = onOff(command.Spec{
	Name: "no-evict", Since: "7.0.0",
	Summary: "Spare this connection when memory is short; none is ever closed for that.",
	Flags:   inquiry | command.Admin,
}, func(s *command.Session, on bool) { s.NoEvict = on })

// clientNoTouch is newer than the Redis that is followed elsewhere.
var clientNoTouch = onOff(command.Spec{
	Name: "no-touch", Since: "7.2.0",
	Summary: "Choose whether keys that commands of this connection look at count as used, for OBJECT IDLETIME.",
	Flags:   inquiry,
}, func(s *command.Session, on bool) { s.NoTouch = on })

// onOff makes a subcommand that sets something of a session.
func onOff(spec command.Spec, set func(s *command.Session, on bool)) command.Spec {
	spec.Arity, spec.Syntax = 3, "<ON | OFF>"
	spec.Run = func(c *command.Call) error {
		on := command.EqualFold(c.Args[2], "ON")
		if !on && !command.EqualFold(c.Args[2], "OFF") {
			return command.ErrSyntax
		}
		set(c.Session, on)
		c.Out.OK()
		return nil
	}
	return spec
}

func (f family) clientReply() command.Spec {
	return command.Spec{
		Name: "reply", Since: "3.2.0", Arity: 3,
		Syntax:  "<ON | OFF | SKIP>",
		Summary: "Choose whether commands of this connection are answered.",
		Flags:   inquiry,
		Run: command.Plain(func(c *command.Call) error {
			switch mode := c.Args[2]; {
			case command.EqualFold(mode, "ON"):
				f.host.SetReplies(c.Session, ReplyOn)
			case command.EqualFold(mode, "OFF"):
				f.host.SetReplies(c.Session, ReplyOff)
			case command.EqualFold(mode, "SKIP"):
				f.host.SetReplies(c.Session, ReplySkip)
			default:
				return command.ErrSyntax
			}
			c.Out.OK()
			return nil
		}),
	}
}

func (f family) clientUnblock() command.Spec {
	return command.Spec{
		Name: "unblock", Since: "5.0.0", Arity: -3,
		Syntax:     "client-id [TIMEOUT | ERROR]",
		Summary:    "End another connection's blocking command, as if its time was up or with an error.",
		Complexity: "O(log N) where N is the number of connections",
		Flags:      inquiry | command.Admin,
		Run:        command.Handle(parseUnblock, f.runUnblock),
	}
}

type unblockArgs struct {
	id        int64
	withError bool
}

func parseUnblock(args command.Args) (a unblockArgs, err error) {
	if len(args) > 4 {
		return a, wrongSubcommand(args[1])
	}
	if len(args) == 4 {
		a.withError = command.EqualFold(args[3], "ERROR")
		if !a.withError && !command.EqualFold(args[3], "TIMEOUT") {
			return a, command.Error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
		}
	}
	a.id, err = command.ParseInt(args[2])
	return a, err
}

func (f family) runUnblock(c *command.Call, a unblockArgs) error {
	unblocked := int64(0)
	if a.id > 0 && f.host.Unblock(a.id, a.withError) {
		unblocked = 1
	}
	c.Out.Int(unblocked)
	return nil
}
