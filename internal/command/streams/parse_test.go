package streams

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/stream"
)

// words splits a command at blanks. "”" is an empty word.
func words(line string) command.Args {
	var args command.Args
	for _, w := range strings.Fields(line) {
		args = append(args, []byte(strings.ReplaceAll(w, "''", "")))
	}
	return args
}

// parseTest is a command and what it is parsed to: a value, or an error's text.
type parseTest[A any] struct {
	line string
	want A
	err  error
}

func testParse[A any](t *testing.T, parse func(command.Args) (A, error), tests []parseTest[A]) {
	t.Helper()
	for _, test := range tests {
		got, err := parse(words(test.line))
		if err != test.err {
			t.Errorf("%s: error %v, want %v", test.line, err, test.err)
		} else if err == nil && !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", test.line, got, test.want)
		}
	}
}

func TestParseXAdd(t *testing.T) {
	k, fv := []byte("k"), [][]byte(words("f v"))
	exact := trimming{limit: defaultTrimLimit}
	with := func(edit func(*xaddArgs)) xaddArgs {
		a := xaddArgs{key: k, fields: fv, trim: exact}
		edit(&a)
		return a
	}
	testParse(t, parseXAdd, []parseTest[xaddArgs]{
		{line: "xadd k * f v", want: with(func(*xaddArgs) {})},
		{line: "xadd k * f v f v", want: with(func(a *xaddArgs) { a.fields = words("f v f v") })},
		{line: "xadd k 5 f v", want: with(func(a *xaddArgs) { a.how, a.id = idGiven, stream.ID{MS: 5} })},
		{line: "xadd k 5-6 f v", want: with(func(a *xaddArgs) { a.how, a.id = idGiven, stream.ID{MS: 5, Seq: 6} })},
		{line: "xadd k 5-* f v", want: with(func(a *xaddArgs) { a.how, a.id = idAutoSeq, stream.ID{MS: 5} })},
		{line: "xadd k 0-* f v", want: with(func(a *xaddArgs) { a.how = idAutoSeq })},
		{line: "xadd k nomkstream * maxlen 5", want: with(func(a *xaddArgs) { a.noMakeStream, a.fields = true, words("maxlen 5") })},
		{line: "xadd k MAXLEN 5 * f v", want: with(func(a *xaddArgs) { a.trim.by, a.trim.maxLen = trimMaxLen, 5 })},
		{line: "xadd k maxlen = 5 * f v", want: with(func(a *xaddArgs) { a.trim.by, a.trim.maxLen = trimMaxLen, 5 })},
		{line: "xadd k MaxLen ~ 5 * f v", want: with(func(a *xaddArgs) { a.trim.by, a.trim.maxLen, a.trim.approx = trimMaxLen, 5, true })},
		{line: "xadd k minid ~ 5 limit 0 * f v", want: with(func(a *xaddArgs) {
			a.trim = trimming{by: trimMinID, approx: true, minID: stream.ID{MS: 5}, limitGiven: true}
		})},
		{line: "xadd k limit 7 minid ~ 5-3 nomkstream acked * f v", want: with(func(a *xaddArgs) {
			a.noMakeStream = true
			a.trim = trimming{by: trimMinID, approx: true, minID: stream.ID{MS: 5, Seq: 3}, limit: 7, limitGiven: true, refs: refsAcked, refsGiven: true}
		})},
		{line: "xadd k idmp p i * f v", want: with(func(a *xaddArgs) {
			a.producer = producer{producerNamed, []byte("p"), []byte("i")}
		})},
		{line: "xadd k idmpauto p maxlen 5 * f v", want: with(func(a *xaddArgs) {
			a.producer = producer{kind: producerAuto, pid: []byte("p")}
			a.trim.by, a.trim.maxLen = trimMaxLen, 5
		})},

		{line: "xadd k * f v g", err: errArity},
		{line: "xadd k nomkstream * f", err: errArity},
		{line: "xadd k maxlen 5 nomkstream", err: errArity},
		{line: "xadd k '' f v", err: command.ErrInvalidID},
		{line: "xadd k - f v", err: command.ErrInvalidID},
		{line: "xadd k + f v", err: command.ErrInvalidID},
		{line: "xadd k $ f v", err: command.ErrInvalidID},
		{line: "xadd k 5-*1 f v", err: command.ErrInvalidID},
		{line: "xadd k 5-1-* f v", err: command.ErrInvalidID},
		{line: "xadd k -* f v", err: command.ErrInvalidID},
		{line: "xadd k *-1 f v", err: command.ErrInvalidID},
		{line: "xadd k idmp p f v", err: command.ErrInvalidID},
		{line: "xadd k 0-0 f v", err: errZeroID},
		{line: "xadd k 0 f v", err: errZeroID},
		{line: "xadd k maxlen ~ * f v", err: command.ErrNotInteger},
		{line: "xadd k maxlen -1 * f v", err: errMaxLenNegative},
		{line: "xadd k minid x * f v", err: command.ErrInvalidID},
		{line: "xadd k minid + * f v", err: command.ErrInvalidID},
		{line: "xadd k maxlen 5 minid 5 * f v", err: errTrimTwice},
		{line: "xadd k maxlen 5 maxlen 5 * f v", err: errTrimTwice},
		{line: "xadd k limit 5 * f v", err: errLimitWithout},
		{line: "xadd k limit 0 * f v", err: errLimitExact},
		{line: "xadd k maxlen 5 limit 5 * f v", err: errLimitExact},
		{line: "xadd k maxlen ~ 5 limit -1 * f v", err: errLimitNegative},
		{line: "xadd k keepref delref * f v", err: command.ErrInvalidID},
		{line: "xadd k idmp p i idmpauto p * f v", err: errProducerTwice},
		{line: "xadd k idmp '' i * f v", err: errProducerEmpty},
		{line: "xadd k idmp p '' * f v", err: errProducerNoIID},
		{line: "xadd k idmpauto '' * f v", err: errProducerAutoEmpty},
		{line: "xadd k idmpauto p 5-5 f v", err: errProducerID},
		{line: "xadd k idmpauto p 5-* f v", err: errProducerID},
	})
}

func TestParseXTrim(t *testing.T) {
	k := []byte("k")
	testParse(t, parseXTrim, []parseTest[xtrimArgs]{
		{line: "xtrim k maxlen 5", want: xtrimArgs{k, trimming{by: trimMaxLen, maxLen: 5, limit: defaultTrimLimit}}},
		{line: "xtrim k delref maxlen ~ 5 limit 3", want: xtrimArgs{k, trimming{by: trimMaxLen, approx: true, maxLen: 5, limit: 3, limitGiven: true, refs: refsDelete, refsGiven: true}}},
		{line: "xtrim k limit 0 minid ~ 5", want: xtrimArgs{k, trimming{by: trimMinID, approx: true, minID: stream.ID{MS: 5}, limitGiven: true}}},
		{line: "xtrim k maxlen 5 foo", err: command.ErrSyntax},
		{line: "xtrim k * maxlen 5", err: command.ErrSyntax},
		{line: "xtrim k nomkstream maxlen 5", err: command.ErrSyntax},
		{line: "xtrim k maxlen 5 limit", err: command.ErrSyntax},
		{line: "xtrim k limit 5", err: errLimitWithout},
		{line: "xtrim k limit 0", err: errTrimNone},
		{line: "xtrim k acked", err: errTrimNone},
		{line: "xtrim k maxlen 5 limit 5", err: errLimitExact},
		{line: "xtrim k maxlen 9223372036854775808", err: command.ErrNotInteger},
	})
}

func TestParseXRange(t *testing.T) {
	k := []byte("k")
	all := func(from, to stream.ID) xrangeArgs { return xrangeArgs{key: k, from: from, to: to, count: -1} }
	const last = math.MaxUint64
	testParse(t, parseXRange, []parseTest[xrangeArgs]{
		{line: "xrange k - +", want: all(stream.MinID, stream.MaxID)},
		{line: "xrange k + -", want: all(stream.MaxID, stream.MinID)},
		{line: "xrange k 5 6", want: all(stream.ID{MS: 5}, stream.ID{MS: 6, Seq: last})},
		{line: "xrange k (5 (6", want: all(stream.ID{MS: 5, Seq: 1}, stream.ID{MS: 6, Seq: last - 1})},
		{line: "xrange k (5-18446744073709551615 (6-0", want: all(stream.ID{MS: 6}, stream.ID{MS: 5, Seq: last})},
		{line: "xrange k - + count 3 COUNT 4", want: xrangeArgs{key: k, to: stream.MaxID, count: 4}},
		{line: "xrange k - + count -3", want: xrangeArgs{key: k, to: stream.MaxID}},
		{line: "xrange k - + count", err: command.ErrSyntax},
		{line: "xrange k - + foo 1", err: command.ErrSyntax},
		{line: "xrange k - + count x", err: command.ErrNotInteger},
		{line: "xrange k ( +", err: command.ErrInvalidID},
		{line: "xrange k (- +", err: command.ErrInvalidID},
		{line: "xrange k - (+", err: command.ErrInvalidID},
		{line: "xrange k x (0-0", err: command.ErrInvalidID},
		{line: "xrange k (18446744073709551615-18446744073709551615 x", err: errStart},
		{line: "xrange k - (0-0", err: errEnd},
	})
	testParse(t, parseXRevRange, []parseTest[xrangeArgs]{
		{line: "xrevrange k + -", want: xrangeArgs{key: k, to: stream.MaxID, reverse: true, count: -1}},
		{line: "xrevrange k 6 5 count 1", want: xrangeArgs{key: k, from: stream.ID{MS: 5}, to: stream.ID{MS: 6, Seq: last}, reverse: true, count: 1}},
	})
}

func TestParseXRead(t *testing.T) {
	k, id := [][]byte(words("k")), [][]byte(words("0"))
	testParse(t, parseXRead, []parseTest[xreadArgs]{
		{line: "xread streams k 0", want: xreadArgs{keys: k, ids: id}},
		{line: "xread STREAMS streams k 0 $", want: xreadArgs{keys: words("streams k"), ids: words("0 $")}},
		{line: "xread count 5 block 0 streams k 0", want: xreadArgs{keys: k, ids: id, limits: readLimits{count: 5}, block: true}},
		{line: "xread count -5 block 7 block 8 streams k 0", want: xreadArgs{keys: k, ids: id, block: true, blockMS: 8}},
		{line: "xread block 9223372036854775807 streams k 0", want: xreadArgs{keys: k, ids: id, block: true, blockMS: maxBlockMS}},
		{line: "xread maxcount 5 maxsize 6 count 5 streams k 0", want: xreadArgs{keys: k, ids: id, limits: readLimits{5, 5, 6}}},
		{line: "xread streams a b c", err: errUnbalanced},
		{line: "xread count 5 streams a", err: errUnbalanced},
		{line: "xread count 5 block 5", err: command.ErrSyntax},
		{line: "xread foo streams k 0", err: command.ErrSyntax},
		{line: "xread count 5 streams", err: command.ErrSyntax},
		{line: "xread count x streams k 0", err: command.ErrNotInteger},
		{line: "xread block x streams k 0", err: errTimeout},
		{line: "xread block 9223372036854775808 streams k 0", err: errTimeout},
		{line: "xread block 1.5 streams k 0", err: errTimeout},
		{line: "xread block -1 streams k 0", err: errTimeoutNegative},
		{line: "xread maxcount 0 streams k 0", err: errMaxCount},
		{line: "xread maxcount x streams k 0", err: errMaxCount},
		{line: "xread maxsize -1 streams k 0", err: errMaxSize},
		{line: "xread maxcount 4 count 5 streams k 0", err: errMaxCountBelow},
		{line: "xread group g c streams k >", err: command.Error("ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.")},
		{line: "xread noack streams k 0", err: command.Error("ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.")},
		{line: "xread claim 5 streams k 0", err: command.Error("ERR The CLAIM option is only supported by XREADGROUP. You called XREAD instead.")},
	})
}

func TestParseXSetID(t *testing.T) {
	k := []byte("k")
	testParse(t, parseXSetID, []parseTest[xsetidArgs]{
		{line: "xsetid k 5", want: xsetidArgs{key: k, last: stream.ID{MS: 5}, added: -1}},
		{line: "xsetid k 5-5 maxdeletedid 5-5 entriesadded 0", want: xsetidArgs{key: k, last: stream.ID{MS: 5, Seq: 5}, maxDeleted: stream.ID{MS: 5, Seq: 5}}},
		{line: "xsetid k x", err: command.ErrInvalidID},
		{line: "xsetid k -", err: command.ErrInvalidID},
		{line: "xsetid k 5 foo", err: command.ErrSyntax},
		{line: "xsetid k 5 entriesadded", err: command.ErrSyntax},
		{line: "xsetid k 5 entriesadded x", err: command.ErrNotInteger},
		{line: "xsetid k 5 entriesadded -1", err: errSetIDAdded},
		{line: "xsetid k 5 maxdeletedid x", err: command.ErrInvalidID},
		{line: "xsetid k 5 maxdeletedid 5-1", err: errSetIDBelowDeleted},
	})
}

func TestParseXCfgSet(t *testing.T) {
	k := []byte("k")
	testParse(t, parseXCfgSet, []parseTest[xcfgsetArgs]{
		{line: "xcfgset k idmp-duration 1 idmp-maxsize 10000", want: xcfgsetArgs{k, 1, 10000}},
		{line: "xcfgset k IDMP-MAXSIZE 1", want: xcfgsetArgs{key: k, maxSize: 1}},
		{line: "xcfgset k", err: errCfgNothing},
		{line: "xcfgset k foo 1", err: command.ErrSyntax},
		{line: "xcfgset k idmp-duration", err: command.ErrSyntax},
		{line: "xcfgset k idmp-duration x", err: command.ErrNotInteger},
		{line: "xcfgset k idmp-duration 0", err: command.Error("ERR IDMP-DURATION must be between 1 and 86400 seconds")},
		{line: "xcfgset k idmp-maxsize 10001", err: command.Error("ERR IDMP-MAXSIZE must be between 1 and 10000 entries")},
		{line: "xcfgset k idmp-maxsize 1 idmp-maxsize 1", err: command.Error("ERR IDMP-MAXSIZE specified multiple times")},
	})
}

func TestParseXInfoStream(t *testing.T) {
	k := []byte("k")
	const wrong command.Error = "ERR unknown subcommand or wrong number of arguments for 'stream'. Try XINFO HELP."
	testParse(t, parseXInfoStream, []parseTest[xinfoStreamArgs]{
		{line: "xinfo stream k", want: xinfoStreamArgs{key: k, count: 10}},
		{line: "xinfo stream k full", want: xinfoStreamArgs{key: k, full: true, count: 10}},
		{line: "xinfo stream k full count 0", want: xinfoStreamArgs{key: k, full: true}},
		{line: "xinfo stream k full count -1", want: xinfoStreamArgs{key: k, full: true, count: 10}},
		{line: "xinfo stream k foo", want: xinfoStreamArgs{key: k, count: 10, err: wrong}},
		{line: "xinfo stream k full count", want: xinfoStreamArgs{key: k, count: 10, err: wrong}},
		{line: "xinfo stream k full foo 1", want: xinfoStreamArgs{key: k, count: 10, err: wrong}},
	})
}

func TestAnIDEndsAtANulByte(t *testing.T) {
	for text, ok := range map[string]bool{"5-5": true, "5-5\x00junk": true, "\x005": false, "5\x00" + strings.Repeat("x", 200): false} {
		if _, err := parseID([]byte(text), 0); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestFieldsAreHashedWithTheirLengths(t *testing.T) {
	seen := map[string]string{}
	for _, line := range []string{"ab c", "a bc", "abc ''", "'' abc", "a b c ''", "a b"} {
		h := string(hashFields(words(line)))
		if len(h) != 16 || seen[h] != "" {
			t.Errorf("%q has the hash of %q", line, seen[h])
		}
		seen[h] = line
	}
}
