package streams

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/stream"
)

var xdel = command.Spec{
	Name: "xdel", Group: command.Streams, Since: "5.0.0", Arity: -3,
	Syntax:     "key id [id ...]",
	Summary:    "Delete entries of a stream and return how many there were.",
	Complexity: "O(N log M) for N IDs and M entries",
	Flags:      command.Write | command.Fast | command.Frees,
	Keys:       command.KeyAt(1).For("RW delete"),
	Run:        about(1, command.Handle(parseXDel, runXDel)),
}

// xdelArgs leaves the IDs as text: what is wrong with them matters only if there is a stream.
type xdelArgs struct {
	key []byte
	ids [][]byte
}

func parseXDel(args command.Args) (xdelArgs, error) { return xdelArgs{args[1], args[2:]}, nil }

func runXDel(c *command.Call, a xdelArgs) error {
	s, err := c.Tx.Stream(a.key)
	if err != nil {
		return err
	}
	if s == nil {
		c.Out.Int(0)
		return nil
	}
	// All or nothing: a malformed ID must not leave half of them deleted.
	var few [16]stream.ID
	ids := few[:0]
	var w wanting
	for _, text := range a.ids {
		id, err := parseID(text, 0)
		if err != nil {
			return err
		}
		ok, over := w.has(s, id)
		if over {
			break
		}
		if ok {
			ids = append(ids, id)
		}
	}
	if w.err != nil {
		return w.err
	}
	deleted := 0
	if len(ids) > 0 {
		deleted = c.Tx.StreamDelete(a.key, ids)
	}
	c.Out.Int(int64(deleted))
	return nil
}
