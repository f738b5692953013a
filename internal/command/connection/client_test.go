package connection

import (
	"slices"
	"strings"
	"testing"
)

func TestClientNamesAndLibraryAreCheckedAsInRedis(t *testing.T) {
	c := newClient(&fakeHost{})
	c.expect(t,
		exchange{"CLIENT ID", ":3"},
		exchange{"CLIENT GETNAME", "$-1"},
		exchange{"CLIENT SETNAME me", "+OK"}, exchange{"CLIENT GETNAME", "$2 me"},
		exchange{"CLIENT SETNAME a_b", string(errName)}, exchange{"CLIENT GETNAME", "$2 me"},
		exchange{"CLIENT SETNAME ''", "+OK"}, exchange{"CLIENT GETNAME", "$-1"},
		exchange{"CLIENT SETINFO lib-name go-redis", "+OK"}, exchange{"CLIENT SETINFO LIB-VER 9", "+OK"},
		exchange{"CLIENT SETINFO foo x", "ERR Unrecognized option 'foo'"},
		exchange{"CLIENT SETINFO lib-ver a_b", "ERR lib-ver cannot contain spaces, newlines or special characters."},
		exchange{"CLIENT NO-EVICT on", "+OK"}, exchange{"CLIENT NO-EVICT x", "ERR syntax error"},
		exchange{"CLIENT REPLY x", "ERR syntax error"},
		exchange{"CLIENT REPLY SKIP", "+OK"},
		exchange{"CLIENT HELP", "*29 +CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are: +ID ..."},
		exchange{"HELLO 3", "%7..."}, exchange{"CLIENT GETNAME", "_"},
	)
	if c.session.LibName != "go-redis" || c.session.LibVer != "9" {
		t.Errorf("session %+v", c.session)
	}
	if !slices.Equal(c.host.did, []string{"replies skip"}) {
		t.Error(c.host.did)
	}
}

func TestUnblockReportsWhetherItDid(t *testing.T) {
	c := newClient(&fakeHost{blocked: map[int64]bool{7: true}})
	c.expect(t,
		exchange{"CLIENT UNBLOCK 7", ":1"}, exchange{"CLIENT UNBLOCK 7 error", ":1"}, exchange{"CLIENT UNBLOCK 8 TIMEOUT", ":0"},
		exchange{"CLIENT UNBLOCK -1", ":0"},
		exchange{"CLIENT UNBLOCK x", "ERR value is not an integer or out of range"},
		exchange{"CLIENT UNBLOCK x foo", "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"},
		exchange{"CLIENT unBLOCK 7 TIMEOUT x", "ERR unknown subcommand or wrong number of arguments for 'unBLOCK'. Try CLIENT HELP."},
	)
	if !slices.Equal(c.host.did, []string{"unblock 7", "unblock with error 7", "unblock 8"}) {
		t.Error(c.host.did)
	}
}

func sessions() []Client {
	return []Client{
		{ID: 2, Addr: "10.0.0.1:5", Laddr: "10.0.0.9:6379", FD: 8, Flags: "N", Multi: -1, Events: "r", Cmd: "ping", User: "default", Redir: -1, Resp: 2, AgeSeconds: 100},
		{ID: 3, Addr: "10.0.0.2:5", Laddr: "10.0.0.9:6379", Flags: "N", User: "default", Name: "me", LibName: "lib", LibVer: "1"},
		{ID: 5, Addr: "10.0.0.3:5", Laddr: "10.0.0.9:6379", Flags: "P", User: "default"},
	}
}

func TestClientListHasTheFieldsOfRedisInTheirOrder(t *testing.T) {
	c := newClient(&fakeHost{clients: sessions()})
	got := c.do(t, "CLIENT LIST ID 2")
	want := "id=2 addr=10.0.0.1:5 laddr=10.0.0.9:6379 fd=8 name= age=100 idle=0 flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 qbuf=0 " +
		"qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=0 events=r cmd=ping user=default redir=-1 resp=2 " +
		"lib-name= lib-ver=\n"
	if !strings.HasSuffix(got, " "+want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestClientListSelectsByTypeOrByNumber(t *testing.T) {
	c := newClient(&fakeHost{clients: sessions()})
	for line, want := range map[string]string{
		"CLIENT LIST": "2 3 5", "CLIENT LIST TYPE normal": "2 3", "CLIENT LIST TYPE PUBSUB": "5", "CLIENT LIST TYPE slave": "",
		"CLIENT LIST TYPE master": "", "CLIENT LIST ID 5 9 2 2 0": "5 2 2", "CLIENT INFO": "3",
	} {
		var ids []string
		for l := range strings.SplitSeq(c.do(t, line), "\n") {
			if _, rest, found := strings.Cut(l, "id="); found {
				id, _, _ := strings.Cut(rest, " ")
				ids = append(ids, id)
			}
		}
		if got := strings.Join(ids, " "); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
	c.expect(t,
		exchange{"CLIENT LIST TYPE", "ERR syntax error"}, exchange{"CLIENT LIST ID", "ERR syntax error"},
		exchange{"CLIENT LIST foo", "ERR syntax error"}, exchange{"CLIENT LIST TYPE normal ID 3", "ERR syntax error"},
		exchange{"CLIENT LIST TYPE foo", "ERR Unknown client type 'foo'"}, exchange{"CLIENT LIST ID a", "ERR Invalid client ID"},
		exchange{"HELLO 3", "%7..."}, exchange{"CLIENT INFO", "=..."},
	)
}

func TestKillMeetsExactlyTheConditions(t *testing.T) {
	for _, test := range []struct{ line, reply, did string }{
		{"CLIENT KILL 10.0.0.1:5", "+OK", "kill 2"},
		{"CLIENT KILL 10.0.0.2:5", "+OK", "close after reply"},
		{"CLIENT KILL 1.2.3.4:5", "ERR No such client", ""},
		{"CLIENT KILL ''", "ERR No such client", ""},
		{"CLIENT KILL ADDR '' SKIPME no", ":0", ""},
		{"CLIENT KILL ID 2", ":1", "kill 2"},
		{"CLIENT KILL ID 3", ":0", ""},
		{"CLIENT KILL ID 3 SKIPME no", ":1", "close after reply"},
		{"CLIENT KILL ID 9", ":0", ""},
		{"CLIENT KILL ADDR 10.0.0.3:5 LADDR 10.0.0.9:6379", ":1", "kill 5"},
		{"CLIENT KILL LADDR 10.0.0.9:6379", ":2", "kill 2,kill 5"},
		{"CLIENT KILL TYPE pubsub", ":1", "kill 5"},
		{"CLIENT KILL TYPE normal SKIPME no", ":2", "kill 2,close after reply"},
		{"CLIENT KILL TYPE replica", ":0", ""},
		{"CLIENT KILL USER default ID 2", ":1", "kill 2"},
		{"CLIENT KILL MAXAGE 100", ":1", "kill 2"},
		{"CLIENT KILL USER nobody", "ERR No such user 'nobody'", ""},
		{"CLIENT KILL USER nobody foo", "ERR No such user 'nobody'", ""},
		{"CLIENT KILL USER default foo", "ERR syntax error", ""},
		{"CLIENT KILL TYPE foo USER nobody", "ERR Unknown client type 'foo'", ""},
		{"CLIENT KILL ID 0 ID 2", "ERR client-id should be greater than 0", ""},
		{"CLIENT KILL ID x", "ERR client-id should be greater than 0", ""},
		{"CLIENT KILL ID", "ERR No such client", ""},
		{"CLIENT KILL ID 2 SKIPME", "ERR syntax error", ""},
		{"CLIENT KILL SKIPME maybe", "ERR syntax error", ""},
		{"CLIENT KILL ID 2 SKIPME maybe", "ERR syntax error", ""},
		{"CLIENT KILL foo bar", "ERR syntax error", ""},
	} {
		c := newClient(&fakeHost{clients: sessions()})
		if got := c.do(t, test.line); got != test.reply {
			t.Errorf("%s: %s, want %s", test.line, got, test.reply)
		}
		if got := strings.Join(c.host.did, ","); got != test.did {
			t.Errorf("%s: did %q, want %q", test.line, got, test.did)
		}
	}
}
