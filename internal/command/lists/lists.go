// Package lists is the commands on lists: LPUSH and its kin, those that block among them.
//
// A blocked client waits with the same pop that its command tried first: see blpop.go.
package lists

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
	"github.com/weirmq/weir/resp"
)

// Specs lists the commands of the family.
func Specs() []command.Spec {
	return []command.Spec{
		blmove, blmpop, blpop, brpop, brpoplpush, lindex, linsert, llen, lmove, lmpop, lpop, lpos, lpush, lpushx,
		lrange, lrem, lset, ltrim, rpop, rpoplpush, rpush, rpushx,
	}
}

// Errors that are the family's own.
const (
	errCount       command.Error = "ERR count should be greater than 0"
	errRank        command.Error = "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list"
	errCountBelow  command.Error = "ERR COUNT can't be negative"
	errMaxLenBelow command.Error = "ERR MAXLEN can't be negative"
)

// popped and pushed is what a command does with a list, in the words of key specifications.
const (
	popped = "RW access delete"
	pushed = "RW insert"
)

// parseSide reads LEFT, the front of a list, or RIGHT.
func parseSide(word []byte) (front bool, err error) {
	switch {
	case command.EqualFold(word, "LEFT"):
		return true, nil
	case command.EqualFold(word, "RIGHT"):
		return false, nil
	default:
		return false, command.ErrSyntax
	}
}

func writeItem(out *resp.Writer, item data.ListItem) {
	if item.Text == nil {
		out.BulkInt(item.Number)
	} else {
		out.Bulk(item.Text)
	}
}

// end returns the first item of a list, or the last.
func end(l data.List, front bool) data.ListItem {
	if front {
		return l.At(0)
	}
	return l.At(l.Len() - 1)
}

// fromEnd is a walk that begins at an end of a list.
func fromEnd(l data.List, front bool) data.ListIter {
	if front {
		return l.From(0)
	}
	return l.Backward(l.Len() - 1)
}

// span resolves a range with negative indexes, which count from the end: where it begins, and how many items are in it.
func span(start, stop int64, length int) (from, n int) {
	l := int64(length)
	if start < 0 {
		start = max(start+l, 0)
	}
	if stop < 0 {
		stop += l
	}
	stop = min(stop, l-1)
	if start > stop {
		return 0, 0
	}
	return int(start), int(stop - start + 1)
}

// at resolves an index, which counts from the end if it is negative; ok is false if there is no such item.
func at(index int64, length int) (i int, ok bool) {
	if index < 0 {
		index += int64(length)
	}
	return int(index), index >= 0 && index < int64(length)
}
