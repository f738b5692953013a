package streams

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/stream"
)

var xsetid = command.Spec{
	Name: "xsetid", Group: command.Streams, Since: "5.0.0", Arity: -3,
	Syntax:  "key last-id [ENTRIESADDED count] [MAXDELETEDID id]",
	Summary: "Set the last ID of a stream, above which new entries must be.",
	Flags:   command.Write | command.DenyOOM | command.Fast,
	Keys:    command.KeyAt(1),
	Run:     about(1, command.Handle(parseXSetID, runXSetID)),
}

type xsetidArgs struct {
	key        []byte
	last       stream.ID
	added      int64     // negative: as it is
	maxDeleted stream.ID // zero: as it is
}

const (
	errSetIDBelowTop     command.Error = "ERR The ID specified in XSETID is smaller than the target stream top item"
	errSetIDBelowDeleted command.Error = "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id"
	errSetIDAddedFew     command.Error = "ERR The entries_added specified in XSETID is smaller than the target stream length"
	errSetIDAdded        command.Error = "ERR entries_added must be positive"
)

func parseXSetID(args command.Args) (xsetidArgs, error) {
	a := xsetidArgs{key: args[1], added: -1}
	var err error
	if a.last, err = parseID(args[2], 0); err != nil {
		return a, err
	}
	for rest := args[3:]; len(rest) > 0; rest = rest[2:] {
		switch {
		case len(rest) > 1 && command.EqualFold(rest[0], "ENTRIESADDED"):
			if a.added, err = command.ParseInt(rest[1]); err != nil {
				return a, err
			}
			if a.added < 0 {
				return a, errSetIDAdded
			}
		case len(rest) > 1 && command.EqualFold(rest[0], "MAXDELETEDID"):
			if a.maxDeleted, err = parseID(rest[1], 0); err != nil {
				return a, err
			}
			if a.last.Less(a.maxDeleted) {
				return a, errSetIDBelowDeleted
			}
		default:
			return a, command.ErrSyntax
		}
	}
	return a, nil
}

func runXSetID(c *command.Call, a xsetidArgs) error {
	s, err := c.Tx.Stream(a.key)
	if err != nil {
		return err
	}
	if s == nil {
		return command.ErrNoSuchKey
	}
	top, ok, err := s.Last()
	if err != nil {
		return err
	}
	if ok {
		if a.last.Less(top) {
			return errSetIDBelowTop
		}
		if a.added >= 0 && uint64(a.added) < s.Len() {
			return errSetIDAddedFew
		}
	}
	added, maxDeleted := s.EntriesAdded(), s.MaxDeletedID()
	if a.added >= 0 {
		added = uint64(a.added)
	}
	if a.maxDeleted != stream.MinID {
		maxDeleted = a.maxDeleted
	}
	c.Tx.StreamSetID(a.key, a.last, added, maxDeleted)
	c.Out.OK()
	return nil
}
