package connection

import "github.com/weirmq/weir/internal/command"

const (
	errNoProto command.Error = "NOPROTO unsupported protocol version"
	errVersion command.Error = "ERR Protocol version is not an integer or out of range"
	errNoAuth  command.Error = "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO " +
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

// helloArgs are options in the order in which they take effect. As with Redis, the ones before a mistake do.
type helloArgs struct {
	protocol int // 0: as it is
	options  [][]byte
	mistake  error
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
	a.protocol, a.options = int(v), args[2:]
	for i := 0; i < len(a.options); {
		n := optionLen(a.options[i:])
		if n == 0 {
			a.mistake = command.Errorf("ERR Syntax error in HELLO option '%s'", command.Printable(a.options[i], 128))
			a.options = a.options[:i]
		}
		i += n
	}
	return a, nil
}

// optionLen returns how many words the option at the front takes, 0 if it is none.
func optionLen(words [][]byte) int {
	switch {
	case command.EqualFold(words[0], "AUTH") && len(words) > 2:
		return 3
	case command.EqualFold(words[0], "SETNAME") && len(words) > 1:
		return 2
	default:
		return 0
	}
}

func (f family) runHello(c *command.Call, a helloArgs) error {
	for rest := a.options; len(rest) > 0; {
		n := optionLen(rest)
		var err error
		if n == 3 {
			err = f.login(c.Session, rest[1], rest[2])
		} else {
			err = setName(c.Session, rest[1])
		}
		if err != nil {
			return err
		}
		rest = rest[n:]
	}
	if a.mistake != nil {
		return a.mistake
	}
	if !c.Session.Authenticated {
		return errNoAuth
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
