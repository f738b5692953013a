package resp

import (
	"math"
	"math/big"
	"strings"
	"testing"
)

func TestEveryTypeInBothProtocols(t *testing.T) {
	for _, c := range []struct {
		name         string
		write        func(w *Writer)
		resp2, resp3 string
	}{
		{"simple string", func(w *Writer) { w.SimpleString("a\r\nb") }, "+a  b\r\n", "+a  b\r\n"},
		{"ok", func(w *Writer) { w.OK() }, "+OK\r\n", "+OK\r\n"},
		{"error", func(w *Writer) { w.Error("ERR a\nb") }, "-ERR a b\r\n", "-ERR a b\r\n"},
		{"int", func(w *Writer) { w.Int(math.MinInt64) }, ":-9223372036854775808\r\n", ":-9223372036854775808\r\n"},
		{"bulk", func(w *Writer) { w.Bulk([]byte("a\r\nb")) }, "$4\r\na\r\nb\r\n", "$4\r\na\r\nb\r\n"},
		{"nil bulk is empty", func(w *Writer) { w.Bulk(nil) }, "$0\r\n\r\n", "$0\r\n\r\n"},
		{"bulk string", func(w *Writer) { w.BulkString("0123456789") }, "$10\r\n0123456789\r\n", "$10\r\n0123456789\r\n"},
		{"bulk int", func(w *Writer) { w.BulkInt(-12) }, "$3\r\n-12\r\n", "$3\r\n-12\r\n"},
		{"null", func(w *Writer) { w.Null() }, "$-1\r\n", "_\r\n"},
		{"null array", func(w *Writer) { w.NullArray() }, "*-1\r\n", "_\r\n"},
		{"array", func(w *Writer) { w.Array(12) }, "*12\r\n", "*12\r\n"},
		{"map", func(w *Writer) { w.Map(6) }, "*12\r\n", "%6\r\n"},
		{"set", func(w *Writer) { w.Set(3) }, "*3\r\n", "~3\r\n"},
		{"push", func(w *Writer) { w.Push(3) }, "*3\r\n", ">3\r\n"},
		{"true", func(w *Writer) { w.Bool(true) }, ":1\r\n", "#t\r\n"},
		{"false", func(w *Writer) { w.Bool(false) }, ":0\r\n", "#f\r\n"},
		{"verbatim", func(w *Writer) { w.Verbatim("txt", "hi") }, "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"},
		{"big number", func(w *Writer) { w.BigNumber(new(big.Int).Lsh(big.NewInt(1), 70).String()) },
			"$22\r\n1180591620717411303424\r\n", "(1180591620717411303424\r\n"},
		{"double", func(w *Writer) { w.Double(3.1) }, "$18\r\n3.1000000000000001\r\n", ",3.1000000000000001\r\n"},
		{"whole double", func(w *Writer) { w.Double(100000) }, "$6\r\n100000\r\n", ",100000\r\n"},
		{"large double", func(w *Writer) { w.Double(1e17) }, "$5\r\n1e+17\r\n", ",1e+17\r\n"},
		{"small double", func(w *Writer) { w.Double(-1.5e-7) }, "$23\r\n-1.4999999999999999e-07\r\n", ",-1.4999999999999999e-07\r\n"},
		{"infinity", func(w *Writer) { w.Double(math.Inf(1)) }, "$3\r\ninf\r\n", ",inf\r\n"},
		{"minus infinity", func(w *Writer) { w.Double(math.Inf(-1)) }, "$4\r\n-inf\r\n", ",-inf\r\n"},
		{"not a number", func(w *Writer) { w.Double(math.NaN()) }, "$3\r\nnan\r\n", ",nan\r\n"},
		{"raw", func(w *Writer) { w.Raw([]byte(":1\r\n")); w.RawString(":2\r\n") }, ":1\r\n:2\r\n", ":1\r\n:2\r\n"},
	} {
		for protocol, want := range map[int]string{2: c.resp2, 3: c.resp3} {
			w := NewWriter(protocol)
			c.write(w)
			if got := string(w.Bytes()); got != want {
				t.Errorf("%s in RESP%d: %q, want %q", c.name, protocol, got, want)
			}
		}
	}
}

func TestAHeaderMayBeWrittenLate(t *testing.T) {
	for _, n := range []int{0, 9, 10, 123456} {
		w, want := NewWriter(3), NewWriter(3)
		w.Int(1)
		m := w.Mark()
		w.BulkString("a")
		w.BulkString(strings.Repeat("b", 1000))
		w.InsertArray(m, n)
		w.InsertMap(m, n)
		want.Int(1)
		want.Map(n)
		want.Array(n)
		want.BulkString("a")
		want.BulkString(strings.Repeat("b", 1000))
		if string(w.Bytes()) != string(want.Bytes()) {
			t.Errorf("%.60q, want %.60q", w.Bytes(), want.Bytes())
		}
	}
}

func TestTruncateForgetsWhatCameAfterTheMark(t *testing.T) {
	w := NewWriter(2)
	w.Int(1)
	m := w.Mark()
	w.Array(3)
	w.Int(2)
	w.Truncate(m)
	w.Error("ERR no")
	if got := string(w.Bytes()); got != ":1\r\n-ERR no\r\n" {
		t.Errorf("%q", got)
	}
	w.Reset()
	if w.Len() != 0 {
		t.Error(w.Len(), " left after Reset")
	}
}

func TestTheProtocolMayChangeBetweenReplies(t *testing.T) {
	w := NewWriter(0)
	if w.Protocol() != 2 {
		t.Error("a writer speaks ", w.Protocol(), " at first")
	}
	w.Null()
	w.SetProtocol(3)
	w.Null()
	if got := string(w.Bytes()); got != "$-1\r\n_\r\n" || w.Protocol() != 3 {
		t.Errorf("%q", got)
	}
}

func BenchmarkWriteEntry(b *testing.B) {
	w := NewWriter(2)
	id, field, value := []byte("1700000000000-0"), []byte("field1"), []byte("01234567890123456789")
	b.ReportAllocs()
	for range b.N {
		w.Reset()
		m := w.Mark()
		w.Array(2)
		w.Bulk(id)
		w.Array(6)
		for range 3 {
			w.Bulk(field)
			w.Bulk(value)
		}
		w.InsertArray(m, 1)
	}
}

func BenchmarkWriteError(b *testing.B) {
	w := NewWriter(2)
	b.ReportAllocs()
	for range b.N {
		w.Reset()
		w.Error("WRONGTYPE Operation against a key holding the wrong kind of value")
	}
}

func TestResetKeepsNoLargeBuffer(t *testing.T) {
	w := NewWriter(2)
	w.Bulk(make([]byte, 1000))
	w.Reset()
	if w.Len() != 0 || cap(w.buf) < 1000 {
		t.Error("a small buffer was thrown away")
	}
	w.Bulk(make([]byte, resetSize+1))
	w.Reset()
	if w.Len() != 0 || cap(w.buf) != 0 {
		t.Error("it keeps ", cap(w.buf), " bytes")
	}
}

func TestTheHeadOfASetMayBeWrittenLate(t *testing.T) {
	for protocol, want := range map[int]string{2: ":1\r\n$1\r\n7\r\n*1\r\n$1\r\na\r\n", 3: ":1\r\n$1\r\n7\r\n~1\r\n$1\r\na\r\n"} {
		w := NewWriter(protocol)
		w.Int(1)
		m := w.Mark()
		w.BulkString("a")
		w.InsertSet(m, 1)
		w.InsertBulk(m, []byte("7"))
		if string(w.Bytes()) != want {
			t.Errorf("%q, want %q", w.Bytes(), want)
		}
	}
}

func TestALimitLeavesOutWhatIsBeyondIt(t *testing.T) {
	w := NewWriter(2)
	w.Limit(10)
	w.Array(3)
	w.Bulk([]byte("0123456789"))
	if w.Exceeded() || w.Len() < 10 {
		t.Errorf("the string that comes to the limit is left out: %q", w.Bytes())
	}
	n := w.Len()
	w.Bulk([]byte("x"))
	w.BulkString("x")
	w.Raw([]byte("x"))
	w.RawString("x")
	w.Grow(1 << 40)
	if !w.Exceeded() || w.Len() != n {
		t.Errorf("beyond the limit: %v %q", w.Exceeded(), w.Bytes()[n:])
	}
	w.Truncate(0)
	w.Limit(0)
	w.Bulk(make([]byte, 20))
	w.BulkString("x")
	if w.Exceeded() || !strings.HasSuffix(string(w.Bytes()), "\r\n$1\r\nx\r\n") {
		t.Errorf("no limit: %v %q", w.Exceeded(), w.Bytes())
	}
}
