package connection

import (
	"slices"
	"strings"
	"testing"
)

func TestHelloAnswersInTheProtocolItChooses(t *testing.T) {
	c := newClient(&fakeHost{})
	const two = "$6 server $5 redis $7 version $6 7.0.15 $5 proto :2 $2 id :3 $4 mode $10 standalone $4 role $6 master $7 modules *0"
	c.expect(t,
		exchange{"HELLO", "*14 " + two},
		exchange{"HELLO 3", "%7 " + strings.Replace(two, ":2", ":3", 1)},
		exchange{"HELLO", "%7 " + strings.Replace(two, ":2", ":3", 1)},
		exchange{"HELLO 2", "*14 " + two},
	)
}

func TestHelloRefusesWhatRedisRefuses(t *testing.T) {
	c := newClient(&fakeHost{})
	c.expect(t,
		exchange{"HELLO 1", "NOPROTO unsupported protocol version"},
		exchange{"HELLO 4 AUTH", "NOPROTO unsupported protocol version"},
		exchange{"HELLO x", "ERR Protocol version is not an integer or out of range"},
		exchange{"HELLO 03", "ERR Protocol version is not an integer or out of range"},
		exchange{"HELLO 3 what", "ERR Syntax error in HELLO option 'what'"},
		exchange{"HELLO 3 AUTH default", "ERR Syntax error in HELLO option 'AUTH'"},
		exchange{"HELLO 3 SETNAME", "ERR Syntax error in HELLO option 'SETNAME'"},
		exchange{"HELLO 3 SETNAME a_b", string(errName)},
		exchange{"HELLO 3 AUTH nobody x", string(errWrongPass)},
	)
	if c.out.Protocol() != 2 {
		t.Error("a refused HELLO changed the protocol")
	}
}

func TestHelloAppliesItsOptionsInOrderUpToAMistake(t *testing.T) {
	c := newClient(&fakeHost{password: "secret"})
	c.expect(t,
		exchange{"HELLO 3", string(errNoAuth)},
		exchange{"HELLO 3 SETNAME early", string(errNoAuth)},
		exchange{"HELLO 3 AUTH default secret SETNAME a SETNAME b_c", string(errName)},
	)
	if !c.session.Authenticated || c.session.Name != "a" {
		t.Errorf("session %+v", c.session)
	}
	c.expect(t, exchange{"hello 3 setname z foo", "ERR Syntax error in HELLO option 'foo'"})
	if c.session.Name != "z" || c.out.Protocol() != 2 {
		t.Errorf("session %+v, protocol %d", c.session, c.out.Protocol())
	}
}

func TestAuthKnowsBothForms(t *testing.T) {
	open := newClient(&fakeHost{})
	open.expect(t,
		exchange{"AUTH any", string(errNoPassword)},
		exchange{"AUTH default any", "+OK"},
		exchange{"AUTH nobody any", string(errWrongPass)},
		exchange{"AUTH a b c", "ERR syntax error"},
		exchange{"AUTH", "ERR wrong number of arguments for 'auth' command"},
	)
	guarded := newClient(&fakeHost{password: "secret"})
	guarded.expect(t, exchange{"AUTH wrong", string(errWrongPass)}, exchange{"AUTH default ''", string(errWrongPass)})
	if guarded.session.Authenticated {
		t.Error("authenticated with a wrong password")
	}
	guarded.expect(t, exchange{"AUTH secret", "+OK"})
	if !guarded.session.Authenticated || guarded.session.User != "default" {
		t.Errorf("session %+v", guarded.session)
	}
	guarded.expect(t, exchange{"AUTH wrong", string(errWrongPass)})
	if !guarded.session.Authenticated {
		t.Error("a wrong password took the authentication away")
	}
}

func TestPingEchoAndSelectAnswerAsRedisDoes(t *testing.T) {
	c := newClient(&fakeHost{})
	c.expect(t,
		exchange{"PING", "+PONG"}, exchange{"PING hi", "$2 hi"},
		exchange{"PING a b", "ERR wrong number of arguments for 'ping' command"},
		exchange{"ECHO hi", "$2 hi"},
		exchange{"SELECT 15", "+OK"},
		exchange{"SELECT 16", "ERR DB index is out of range"},
		exchange{"SELECT -1", "ERR DB index is out of range"},
		exchange{"SELECT x", "ERR value is not an integer or out of range"},
		exchange{"SELECT 2147483648", "ERR value is out of range, value must between -2147483648 and 2147483647"},
	)
	if c.session.DB != 15 {
		t.Errorf("database %d", c.session.DB)
	}
}

func TestQuitClosesAfterItsReply(t *testing.T) {
	c := newClient(&fakeHost{})
	c.expect(t, exchange{"QUIT whatever", "+OK"})
	if !slices.Equal(c.host.did, []string{"close after reply"}) {
		t.Error(c.host.did)
	}
}

func TestResetAsksTheHostAndGoesBackToRESP2(t *testing.T) {
	c := newClient(&fakeHost{password: "secret"})
	c.expect(t,
		exchange{"HELLO 3 AUTH default secret SETNAME me", "%7..."},
		exchange{"RESET", "+RESET"},
	)
	if c.out.Protocol() != 2 {
		t.Errorf("protocol %d", c.out.Protocol())
	}
	if !slices.Equal(c.host.did, []string{"reset"}) {
		t.Error(c.host.did)
	}
}
