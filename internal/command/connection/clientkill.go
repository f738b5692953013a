package connection

import "github.com/weirmq/weir/internal/command"

func (f family) clientKill() command.Spec {
	return command.Spec{
		Name: "kill", Since: "2.4.0", Arity: -3,
		Syntax: "<ip:port | <[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] | [USER username] | [ADDR ip:port] | " +
			"[LADDR ip:port] | [SKIPME <YES | NO>] | [MAXAGE maxage]> [...]>",
		Summary:    "Close the connections that meet all conditions; this one only with SKIPME NO.",
		Complexity: "O(N) where N is the number of connections",
		Flags:      inquiry | command.Admin,
		Run:        command.Handle(parseKill, f.runKill),
	}
}

// word is an argument that may not have been given; an empty one is a condition that nothing meets.
type word struct {
	given bool
	text  string
}

func (w word) meets(s string) bool { return !w.given || w.text == s }

// killArgs are conditions; zero values do not count.
type killArgs struct {
	old               bool // CLIENT KILL addr: one connection, this one included, and OK for a reply
	id                int64
	addr, laddr, user word
	kind              kind
	maxAge            int64 // seconds
	skipMe            bool
	// afterUser is an error behind a USER, which is reported only if there is such a user.
	afterUser error
}

const errClientID command.Error = "ERR client-id should be greater than 0"

func parseKill(args command.Args) (a killArgs, err error) {
	if len(args) == 3 {
		return killArgs{old: true, addr: word{true, string(args[2])}}, nil
	}
	a.skipMe = true
	for i := 2; i < len(args) && err == nil; i += 2 {
		if i+1 == len(args) {
			err = command.ErrSyntax
		} else {
			err = a.condition(args[i], args[i+1])
		}
	}
	if a.user.given {
		a.afterUser, err = err, nil
	}
	return a, err
}

func (a *killArgs) condition(option, value []byte) (err error) {
	switch {
	case command.EqualFold(option, "ID"):
		if a.id, err = command.ParseInt(value); err != nil || a.id < 1 {
			err = errClientID
		}
	case command.EqualFold(option, "TYPE"):
		a.kind, err = parseKind(value)
	case command.EqualFold(option, "ADDR"):
		a.addr = word{true, string(value)}
	case command.EqualFold(option, "LADDR"):
		a.laddr = word{true, string(value)}
	case command.EqualFold(option, "USER"):
		a.user = word{true, string(value)}
	case command.EqualFold(option, "MAXAGE"):
		if a.maxAge, err = command.ParseInt(value); err != nil || a.maxAge < 1 {
			err = command.Error("ERR maxage is not an integer or out of range")
		}
	case command.EqualFold(option, "SKIPME") && command.EqualFold(value, "YES"):
		a.skipMe = true
	case command.EqualFold(option, "SKIPME") && command.EqualFold(value, "NO"):
		a.skipMe = false
	default:
		err = command.ErrSyntax
	}
	return err
}

func (f family) runKill(c *command.Call, a killArgs) error {
	if a.user.given {
		if user := []byte(a.user.text); !f.host.HasUser(user) {
			return command.Errorf("ERR No such user '%s'", command.Printable(user, len(user)))
		}
		if a.afterUser != nil {
			return a.afterUser
		}
	}
	killed := int64(0)
	clients := f.host.Clients()
	for i := range clients {
		switch client := &clients[i]; {
		case !a.meets(client):
		case client.ID != c.Session.ID:
			if f.host.Kill(client.ID) {
				killed++
			}
		case !a.skipMe:
			f.host.CloseAfterReply(c.Session)
			killed++
		}
	}
	switch {
	case !a.old:
		c.Out.Int(killed)
	case killed == 0:
		return command.Error("ERR No such client")
	default:
		c.Out.OK()
	}
	return nil
}

func (a *killArgs) meets(c *Client) bool {
	return (a.id == 0 || c.ID == a.id) && a.addr.meets(c.Addr) && a.laddr.meets(c.Laddr) && a.user.meets(c.User) &&
		(a.kind == anyKind || c.kind() == a.kind) && (a.maxAge == 0 || c.AgeSeconds >= a.maxAge)
}
