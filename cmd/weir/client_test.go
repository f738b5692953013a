package main

import (
	"net"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// answering returns the address of a unix socket at which every connection is sent the text, and closed.
func answering(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte(text))
			_, _ = c.Read(make([]byte, 1<<10)) // the command: closing before it is read would reset the connection
			_ = c.Close()
		}
	}()
	return path
}

func TestAClientReadsEveryKindOfReply(t *testing.T) {
	for _, c := range []struct {
		wire string
		want any
		err  string
	}{
		{"+OK\r\n", "OK", ""},
		{":-12\r\n", int64(-12), ""},
		{"$5\r\na\r\nbc\r\n", "a\r\nbc", ""},
		{"$0\r\n\r\n", "", ""},
		{"$-1\r\n", nil, ""},
		{"*-1\r\n", nil, ""},
		{"*2\r\n*2\r\n$1\r\na\r\n:1\r\n*0\r\n", []any{[]any{"a", int64(1)}, []any(nil)}, ""},
		{"-ERR no\r\n", nil, "the broker answers: ERR no"},
		{"*2\r\n:1\r\n-ERR inside\r\n", nil, "the broker answers: ERR inside"},
		{"", nil, "closed the connection"},
		{"$5\r\nabc", nil, "EOF"},
		{"HTTP/1.1 400 Bad Request\r\n", nil, "does not speak the Redis protocol"},
		{"\r\n", nil, "does not speak"},
		{":x\r\n", nil, "does not speak"},
		{"$9999999999\r\n", nil, "does not speak"},
		{"*99999999999\r\n", nil, "does not speak"},
		{strings.Repeat("*1\r\n", 100), nil, "does not speak"},
		{strings.Repeat("x", 1<<20), nil, "does not speak"},
	} {
		client, err := dial(t.Context(), answering(t, c.wire), "", 0)
		if err != nil {
			t.Fatal(err)
		}
		got, err := client.do("COMMAND", "with words")
		client.close()
		if !reflect.DeepEqual(got, c.want) || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%.40q: %v, %v", c.wire, got, err)
		}
	}
}
