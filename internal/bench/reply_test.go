package main

import (
	"strings"
	"testing"
)

const delivery = "*1\r\n*2\r\n$5\r\nbench\r\n*2\r\n*2\r\n$3\r\n1-1\r\n*4\r\n$1\r\na\r\n$2\r\n\r\n\r\n$1\r\nc\r\n$0\r\n\r\n*2\r\n$4\r\n10-2\r\n*4\r\n$1\r\na\r\n$1\r\nx\r\n$1\r\nc\r\n$1\r\ny\r\n"

func TestRepliesAreFoundHoweverTheyAreCut(t *testing.T) {
	stream := "+OK\r\n" + delivery + ":-42\r\n" + "*-1\r\n" + "*0\r\n" + "$-1\r\n" + "*2\r\n*1\r\n:1\r\n$1\r\n*\r\n" + "-ERR no\r\n"
	want := []string{"+OK\r\n", delivery, ":-42\r\n", "*-1\r\n", "*0\r\n", "$-1\r\n", "*2\r\n*1\r\n:1\r\n$1\r\n*\r\n", "-ERR no\r\n"}
	for size := 1; size <= len(stream); size++ {
		var r reader
		var got []string
		for rest := stream; rest != ""; {
			n := copy(r.room(), rest[:min(size, len(rest))])
			r.buf, rest = r.buf[:len(r.buf)+n], rest[n:]
			for {
				whole, err := r.next()
				if err != nil {
					t.Fatal(err)
				}
				if !whole {
					break
				}
				got = append(got, string(r.buf[:r.pos]))
				if (r.failure() != nil) != (r.buf[0] == '-') {
					t.Errorf("%q: %v", got[len(got)-1], r.failure())
				}
				r.drop()
				if len(r.buf) == 0 {
					break
				}
			}
		}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Fatalf("in pieces of %d:\n%q\nwant\n%q", size, got, want)
		}
	}
}

func TestDeliveredNamesIDsAndFirstValues(t *testing.T) {
	r := reader{buf: []byte(delivery)}
	if whole, err := r.next(); !whole || err != nil {
		t.Fatal(whole, err)
	}
	var got []string
	n, err := r.delivered(2, func(id, value part) {
		got = append(got, string(r.buf[id.start:id.end]), string(r.text(value)))
	})
	if n != 2 || err != nil || strings.Join(got, "|") != "$3\r\n1-1\r\n|\r\n|$4\r\n10-2\r\n|x" {
		t.Errorf("%d, %v, %q", n, err, got)
	}
	if _, err := r.delivered(3, func(_, _ part) {}); err == nil {
		t.Error("entries of two fields pass for entries of three")
	}
	for reply, wrong := range map[string]bool{"*-1\r\n": false, "-NOGROUP no\r\n": true, "*2\r\n:1\r\n:1\r\n": true} {
		r := reader{buf: []byte(reply)}
		if whole, err := r.next(); !whole || err != nil {
			t.Fatal(whole, err)
		}
		if n, err := r.delivered(1, nil); n != 0 || (err != nil) != wrong {
			t.Errorf("%q: %d, %v", reply, n, err)
		}
	}
}

func TestWhatIsNoReplyIsAnError(t *testing.T) {
	for _, bad := range []string{"HTTP/1.1 400\r\n", "$3\r\nabcd\r\n", ":1x\r\n", "*1\r\nx\r\n"} {
		r := reader{buf: []byte(bad)}
		if whole, err := r.next(); whole || err == nil {
			t.Errorf("%q is taken for a reply", bad)
		}
	}
}
