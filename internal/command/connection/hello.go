package connection

import "github.com/weirmq/weir/internal/command"

const (
	errNoProto command.Error = "NOPROTO unsupported protocol version"
	errVersion command.Error = "ERR Protocol version is not an integer or out of range"
	errNoAuth  command.Error = "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> " +
		"AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time"
	errWrongPass  command.Error = "WRONGPASS invalid username-password pair or user is disabled."
	errNoPassword command.Error = "ERR AUTH <password> called without any password configured for the default user. " +
		"Are you sure your configuration is correct?"
	errName command.Error = "ERR Client names cannot contain spaces, newlines or special characters."
)

// defaultUser is who a client is that gives only a password, or none.
const defaultUser = "default"

func (f family) hello() command.Spec {
	return command.Spec{
		Name: "hello", Group: command.Connection, Since: "6.0.0", Arity: -1,
		Syntax:  "[protover [AUTH username password] [SETNAME clientname]]",
		Summary: "Choose the protocol, authenticate, name the connection, and learn about the server.",
		Flags:   handshake,
		Run:     command.Handle(parseHello, f.runHello),
	}
}

type helloArgs struct {
	protocol             int // 0: as it is
	auth, rename         bool
	user, password, name []byte
}

func parseHello(args command.Args) (a helloArgs, err error) {
	if len(args) == 1 {
		return a, nil
	}
	v, err := command.ParseInt(args[1])
	if err != nil {
		return a, errVersion
	}
	if v != 2 && v != 3 {
		return a, errNoProto
	}
	a.protocol = int(v)
	for i := 2; i < len(args); i++ {
		switch {
		case command.EqualFold(args[i], "AUTH") && i+2 < len(args):
			a.auth, a.user, a.password = true, args[i+1], args[i+2]
			i += 2
		case command.EqualFold(args[i], "SETNAME") && i+1 < len(args):
			a.rename, a.name = true, args[i+1]
			i++
		default:
			return a, command.Errorf("ERR Syntax error in HELLO option '%s'", command.Printable(args[i], 128))
		}
	}
	return a, nil
}

func (f family) runHello(c *command.Call, a helloArgs) error {
	if a.auth {
		if err := f.login(c.Session, a.user, a.password); err != nil {
			return err
		}
	}
	if !c.Session.Authenticated {
		return errNoAuth
	}
	if a.rename {
		if err := setName(c.Session, a.name); err != nil {
			return err
		}
	}
	if a.protocol != 0 {
		c.Out.SetProtocol(a.protocol)
	}
	c.Out.Map(7)
	c.Out.BulkString("server")
	c.Out.BulkString("redis")
	c.Out.BulkString("version")
	c.Out.BulkString(command.RedisVersion)
	c.Out.BulkString("proto")
	c.Out.Int(int64(c.Out.Protocol()))
	c.Out.BulkString("id")
	c.Out.Int(c.Session.ID)
	c.Out.BulkString("mode")
	c.Out.BulkString("standalone")
	c.Out.BulkString("role")
	c.Out.BulkString("master")
	c.Out.BulkString("modules")
	c.Out.Array(0)
	return nil
}

func (f family) auth() command.Spec {
	return command.Spec{
		Name: "auth", Group: command.Connection, Since: "1.0.0", Arity: -2,
		Syntax:  "[username] password",
		Summary: "Authenticate the connection.",
		Flags:   handshake,
		Run:     command.Handle(parseAuth, f.runAuth),
	}
}

type authArgs struct {
	user     []byte // nil: none given
	password []byte
}

func parseAuth(args command.Args) (authArgs, error) {
	switch len(args) {
	case 2:
		return authArgs{nil, args[1]}, nil
	case 3:
		return authArgs{args[1], args[2]}, nil
	default:
		return authArgs{}, command.ErrSyntax
	}
}

func (f family) runAuth(c *command.Call, a authArgs) error {
	if a.user == nil {
		if !f.host.PasswordRequired() {
			return errNoPassword
		}
		a.user = []byte(defaultUser)
	}
	if err := f.login(c.Session, a.user, a.password); err != nil {
		return err
	}
	c.Out.OK()
	return nil
}

func (f family) login(s *command.Session, user, password []byte) error {
	name, ok := f.host.Authenticate(user, password)
	if !ok {
		return errWrongPass
	}
	s.User, s.Authenticated = name, true
	return nil
}

func setName(s *command.Session, name []byte) error {
	if !printable(name) {
		return errName
	}
	s.Name = string(name)
	return nil
}

// printable reports whether CLIENT LIST can print a word as one of its fields.
func printable(word []byte) bool {
	for _, c := range word {
		if c < '!' || c > '~' {
			return false
		}
	}
	return true
}
