package connection

import (
	"slices"
	"testing"
)

func TestAPauseIsReadAsRedisReadsIt(t *testing.T) {
	h := &fakeHost{}
	c := newClient(h)
	c.expect(t,
		exchange{"CLIENT PAUSE x", "ERR timeout is not an integer or out of range"},
		exchange{"CLIENT PAUSE -1", "ERR timeout is negative"},
		exchange{"CLIENT PAUSE x foo", "ERR CLIENT PAUSE mode must be WRITE or ALL"},
		exchange{"CLIENT PAUSE 1 all x", "ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP."},
		exchange{"CLIENT PAUSE 0", "+OK"}, exchange{"CLIENT PAUSE 5 write", "+OK"}, exchange{"CLIENT PAUSE 9223372036854775807 All", "+OK"},
		exchange{"CLIENT UNPAUSE", "+OK"},
	)
	if want := []string{"pause 0 false", "pause 5 true", "pause 4398046511104 false", "unpause"}; !slices.Equal(h.did, want) {
		t.Errorf("%q", h.did)
	}
}

func TestAConnectionRemembersWhatItWantsOfItsKeysAndMemory(t *testing.T) {
	c := newClient(&fakeHost{})
	c.expect(t,
		exchange{"CLIENT NO-TOUCH on", "+OK"}, exchange{"CLIENT NO-EVICT ON", "+OK"},
		exchange{"CLIENT NO-TOUCH x", "ERR syntax error"}, exchange{"CLIENT NO-EVICT x", "ERR syntax error"},
	)
	if !c.session.NoTouch || !c.session.NoEvict {
		t.Errorf("%+v", c.session)
	}
	c.expect(t, exchange{"CLIENT NO-TOUCH off", "+OK"}, exchange{"CLIENT NO-EVICT Off", "+OK"})
	if c.session.NoTouch || c.session.NoEvict {
		t.Errorf("%+v", c.session)
	}
}
