package crash

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/weirmq/weir/internal/oracle"
)

type opKind uint8

const (
	opAdd opKind = iota
	opDelete
	opRead      // XREADGROUP ... >
	opHistory   // XREADGROUP ... ID
	opAck       //
	opClaim     // XCLAIM
	opAutoClaim // XAUTOCLAIM
	opPending   // XPENDING - +
	opSetID     // XGROUP SETID
	opInfo      // XINFO GROUPS

	// Newer than Redis 7.0.
	opReadClaim // XREADGROUP ... CLAIM 0 ... >, without COUNT
	opRelease   // XNACK

	// These are for ledger.go alone.
	opAckDelete      // XACKDEL
	opDeleteEx       // XDELEX
	opTrim           // XTRIM MAXLEN count
	opCreate         // XGROUP CREATE MKSTREAM
	opDestroy        // XGROUP DESTROY
	opCreateConsumer // XGROUP CREATECONSUMER
	opDeleteConsumer // XGROUP DELCONSUMER
)

// op is one operation of a client.
type op struct {
	kind     opKind
	key      string
	group    string // "" is "g"
	consumer byte
	ids      []uint16 // the IDs named; of ranges, the start
	count    int
	block    int // ms, of opRead; 0 does not block
	noAck    bool
	justID   bool
	force    bool
	retry    int   // RETRYCOUNT, -1 for none
	timeMS   int64 // TIME of opClaim, 0 for none
	lastID   uint16
	mode     string // of opRelease SILENT, FAIL or FATAL; of deletions KEEPREF, DELREF or ACKED, "" for none
}

func (o op) groupName() string {
	if o.group == "" {
		return "g"
	}
	return o.group
}

func (o op) consumerName() string { return fmt.Sprint("c", o.consumer) }

// args is the operation as a command. An entry's content follows from its ID.
func (o op) args() []string {
	ids := make([]string, len(o.ids))
	for i, n := range o.ids {
		ids[i] = fmt.Sprint(n, "-0")
	}
	// The IDs as newer commands want them.
	block := append([]string{"IDS", strconv.Itoa(len(ids))}, ids...)
	if o.mode != "" {
		block = append([]string{o.mode}, block...)
	}
	group, consumer, count := o.groupName(), o.consumerName(), strconv.Itoa(o.count)
	var a []string
	switch o.kind {
	case opAdd:
		return []string{"XADD", o.key, ids[0], "n", ids[0]}
	case opDelete:
		return append([]string{"XDEL", o.key}, ids...)
	case opAck:
		return append([]string{"XACK", o.key, group}, ids...)
	case opRead, opHistory:
		a = []string{"XREADGROUP", "GROUP", group, consumer, "COUNT", count}
		if o.block > 0 {
			a = append(a, "BLOCK", strconv.Itoa(o.block))
		}
		if o.noAck {
			a = append(a, "NOACK")
		}
		return append(a, "STREAMS", o.key, append(ids, ">")[0])
	case opClaim:
		a = slices.Concat([]string{"XCLAIM", o.key, group, consumer, "0"}, ids)
		if o.force {
			a = append(a, "FORCE")
		}
		if o.retry >= 0 {
			a = append(a, "RETRYCOUNT", strconv.Itoa(o.retry))
		}
		if o.timeMS > 0 {
			a = append(a, "TIME", strconv.FormatInt(o.timeMS, 10))
		}
		if o.lastID > 0 {
			a = append(a, "LASTID", fmt.Sprint(o.lastID, "-0"))
		}
	case opAutoClaim:
		a = []string{"XAUTOCLAIM", o.key, group, consumer, "0", ids[0], "COUNT", count}
	case opPending:
		return []string{"XPENDING", o.key, group, "-", "+", "10000"}
	case opSetID:
		return []string{"XGROUP", "SETID", o.key, group, ids[0]}
	case opInfo:
		return []string{"XINFO", "GROUPS", o.key}
	case opReadClaim:
		return []string{"XREADGROUP", "GROUP", group, consumer, "CLAIM", "0", "STREAMS", o.key, ">"}
	case opRelease:
		a = append([]string{"XNACK", o.key, group}, block...)
		if o.force {
			a = append(a, "FORCE")
		}
		return a
	case opAckDelete:
		return append([]string{"XACKDEL", o.key, group}, block...)
	case opDeleteEx:
		return append([]string{"XDELEX", o.key}, block...)
	case opTrim:
		a = []string{"XTRIM", o.key, "MAXLEN", count}
		if o.mode != "" {
			a = append(a, o.mode)
		}
		return a
	case opCreate:
		return []string{"XGROUP", "CREATE", o.key, group, ids[0], "MKSTREAM"}
	case opDestroy:
		return []string{"XGROUP", "DESTROY", o.key, group}
	case opCreateConsumer:
		return []string{"XGROUP", "CREATECONSUMER", o.key, group, consumer}
	case opDeleteConsumer:
		return []string{"XGROUP", "DELCONSUMER", o.key, group, consumer}
	}
	if o.justID {
		a = append(a, "JUSTID")
	}
	return a
}

// outcome puts a reply into the words of step and of ledger; of an error, the
// first. What no server may answer is an error of ours.
func (o op) outcome(rep oracle.Reply) (string, error) {
	wrong := fmt.Errorf("answered by %s", rep)
	if rep.IsError() {
		if strings.HasPrefix(rep.Text, "ERR The ID specified in XADD is equal or smaller") {
			return "too small", nil
		}
		if word, _, _ := strings.Cut(rep.Text, " "); slices.Contains([]string{"ERR", "NOGROUP", "BUSYGROUP"}, word) {
			return word, nil
		}
		return "", wrong
	}
	switch o.kind {
	case opAdd:
		if rep.Kind != '$' || rep.Text != fmt.Sprint(o.ids[0], "-0") {
			return "", wrong
		}
		return "ok", nil
	case opDelete, opAck, opTrim, opRelease, opDestroy, opCreateConsumer, opDeleteConsumer:
		if rep.Kind != ':' {
			return "", wrong
		}
		return rep.Text, nil
	case opSetID, opCreate:
		if rep.Kind != '+' || rep.Text != "OK" {
			return "", wrong
		}
		return "ok", nil
	}
	if rep.Kind != '*' {
		return "", wrong
	}
	switch o.kind {
	case opAckDelete, opDeleteEx:
		var each []string
		for _, e := range rep.Elems {
			each = append(each, e.Text)
		}
		return strings.Join(each, " "), nil
	case opRead, opHistory, opReadClaim:
		if rep.Null && o.kind != opHistory {
			return "", nil
		}
		if len(rep.Elems) != 1 || len(rep.Elems[0].Elems) != 2 || rep.Elems[0].Elems[0].Text != o.key {
			return "", wrong
		}
		if o.kind == opReadClaim {
			return deliveredNumbers(rep.Elems[0].Elems[1])
		}
		return entryNumbers(rep.Elems[0].Elems[1])
	case opClaim:
		return entryNumbers(rep)
	case opAutoClaim:
		if len(rep.Elems) != 3 {
			return "", wrong
		}
		got, err1 := entryNumbers(rep.Elems[1])
		gone, err2 := entryNumbers(rep.Elems[2])
		next, err3 := number(rep.Elems[0])
		for _, err := range []error{err1, err2, err3} {
			if err != nil {
				return "", err
			}
		}
		return fmt.Sprintf("%s, gone %s, next %s", got, gone, next), nil
	case opPending:
		var rows []string
		for _, row := range rep.Elems {
			if len(row.Elems) != 4 {
				return "", wrong
			}
			n, err := number(row.Elems[0])
			if err != nil {
				return "", err
			}
			rows = append(rows, fmt.Sprintf("%s:%s:%s", n, row.Elems[1].Text, row.Elems[3].Text))
		}
		return strings.Join(rows, " "), nil
	}
	if len(rep.Elems) != 1 {
		return "", wrong
	}
	f := fields(rep.Elems[0])
	delivered, err := number(f["last-delivered-id"])
	return fmt.Sprintf("pending %s, delivered %s, lag %s", f["pending"].Text, delivered, f["lag"].Text), err
}

// fields is a flat array of names and values as a map.
func fields(rep oracle.Reply) map[string]oracle.Reply {
	m := map[string]oracle.Reply{}
	for i := 0; i+1 < len(rep.Elems); i += 2 {
		m[rep.Elems[i].Text] = rep.Elems[i+1]
	}
	return m
}

func number(rep oracle.Reply) (string, error) {
	n, ok := strings.CutSuffix(rep.Text, "-0")
	if !ok {
		return "", fmt.Errorf("an ID that nobody used: %s", rep)
	}
	return n, nil
}

// entryNumbers lists entries, or IDs alone, and checks the content of entries.
// Those that are deleted have an exclamation mark.
func entryNumbers(list oracle.Reply) (string, error) {
	if list.Kind != '*' || list.Null {
		return "", fmt.Errorf("not a list of entries: %s", list)
	}
	var all []string
	for _, e := range list.Elems {
		id, mark := e, ""
		if e.Kind == '*' && len(e.Elems) == 2 {
			id = e.Elems[0]
			if content := e.Elems[1]; content.Null {
				mark = "!"
			} else if len(content.Elems) != 2 || content.Elems[0].Text != "n" || content.Elems[1].Text != id.Text {
				return "", fmt.Errorf("an entry with a content that nobody wrote: %s", e)
			}
		}
		n, err := number(id)
		if err != nil {
			return "", err
		}
		all = append(all, n+mark)
	}
	return strings.Join(all, " "), nil
}

// deliveredNumbers lists entries with the deliveries that they had before, in the
// order of their IDs: the model knows no times, which is what they are ordered by.
func deliveredNumbers(list oracle.Reply) (string, error) {
	var all []delivered
	for _, e := range list.Elems {
		if len(e.Elems) != 4 {
			return "", fmt.Errorf("not an entry with its past: %s", e)
		}
		text, err := entryNumbers(oracle.Reply{Kind: '*', Elems: []oracle.Reply{{Kind: '*', Elems: e.Elems[:2]}}})
		n, err1 := strconv.Atoi(text)
		before, err2 := strconv.Atoi(e.Elems[3].Text)
		if err := errors.Join(err, err1, err2); err != nil {
			return "", err
		}
		all = append(all, delivered{uint16(n), before})
	}
	slices.SortStableFunc(all, func(a, b delivered) int { return int(a.n) - int(b.n) })
	return deliveredText(all), nil
}

// delivered is an entry and how often it had been delivered before.
type delivered struct {
	n      uint16
	before int
}

func deliveredText(all []delivered) string {
	var text []string
	for _, d := range all {
		text = append(text, fmt.Sprintf("%d:%d", d.n, d.before))
	}
	return strings.Join(text, " ")
}
