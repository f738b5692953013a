package strings

import (
	"encoding/binary"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
)

const (
	errNotHLL     command.Error = "WRONGTYPE Key is not a valid HyperLogLog string value."
	errDamagedHLL command.Error = "INVALIDOBJ Corrupted HLL object detected"
)

// hllAt returns the HyperLogLog at a key, nil if there is no such key.
func hllAt(c *command.Call, key []byte) ([]byte, error) {
	s, err := c.Tx.String(key)
	if err != nil || !s.Exists() {
		return nil, err
	}
	h := s.Packed
	if s.Large != nil { // it has too many registers, whatever it is
		h = s.AppendTo(nil, 0, data.MaxPackedString)
	}
	if !data.IsHLL(h) {
		return nil, errNotHLL
	}
	return h, nil
}

var pfadd = command.Spec{
	Name: "pfadd", Group: command.HyperLogLog, Since: "2.8.9", Arity: -2,
	Syntax:     "key [element [element ...]]",
	Summary:    "Add elements to a HyperLogLog, and return whether its estimate may have changed.",
	Complexity: "O(1) for each element",
	Flags:      command.Write | command.DenyOOM | command.Fast,
	Keys:       command.KeyAt(1).For("RW insert"),
	Run: command.Plain(func(c *command.Call) error {
		h, err := hllAt(c, c.Args[1])
		if err != nil {
			return err
		}
		if len(c.Args) > 2 && h != nil && data.CheckHLL(h) != nil {
			return errDamagedHLL
		}
		changed := (len(c.Args) > 2 || h == nil) && c.Tx.HLLAdd(c.Args[1], c.Args[2:])
		if changed {
			c.Out.Int(1)
		} else {
			c.Out.Int(0)
		}
		return nil
	}),
}

var pfcount = command.Spec{
	Name: "pfcount", Group: command.HyperLogLog, Since: "2.8.9", Arity: -2,
	Syntax:     "key [key ...]",
	Summary:    "Estimate how many different elements HyperLogLogs have seen together.",
	Complexity: "O(1) for one key, O(N) for N",
	Flags:      command.ReadOnly | command.MayReplicate,
	Keys: command.KeysFrom(1).For("RW access").
		Noted("RW because it may change the internal representation of the key, and propagate to replicas"),
	Run: command.Plain(runPFCount),
}

func runPFCount(c *command.Call) error {
	if len(c.Args) > 2 {
		u, _, err := unite(c, c.Args[1:])
		if err != nil {
			return err
		}
		c.Out.Int(int64(u.Cardinality()))
		return nil
	}
	key := c.Args[1]
	h, err := hllAt(c, key)
	if err != nil {
		return err
	}
	if h == nil {
		c.Out.Int(0)
		return nil
	}
	n, ok := data.HLLCached(h)
	if !ok {
		if n, err = data.HLLCardinality(h); err != nil {
			return errDamagedHLL
		}
		if !c.ReadOnly { // the estimate is part of the value, which somebody may GET
			c.Tx.StringWrite(key, data.HLLCardinalityAt, binary.LittleEndian.AppendUint64(nil, n))
		}
	}
	c.Out.Int(int64(n))
	return nil
}

// unite returns the union of the HyperLogLogs at keys, of which some may be absent, and whether one is dense.
func unite(c *command.Call, keys [][]byte) (u *data.HLLUnion, dense bool, err error) {
	u = new(data.HLLUnion)
	for _, key := range keys {
		h, err := hllAt(c, key)
		if err != nil {
			return nil, false, err
		}
		if h == nil {
			continue
		}
		dense = dense || data.HLLIsDense(h)
		if u.Add(h) != nil {
			return nil, false, errDamagedHLL
		}
	}
	return u, dense, nil
}

var pfmerge = command.Spec{
	Name: "pfmerge", Group: command.HyperLogLog, Since: "2.8.9", Arity: -2,
	Syntax:     "destkey [sourcekey [sourcekey ...]]",
	Summary:    "Make a HyperLogLog one that has seen also what others have seen.",
	Complexity: "O(N) for N keys",
	Flags:      command.Write | command.Reads | command.DenyOOM,
	Keys:       command.KeyAt(1).For("RW access insert").And(command.KeysFrom(2).For("RO access")),
	Run:        command.Plain(runPFMerge),
}

func runPFMerge(c *command.Call) error {
	key := c.Args[1]
	h, err := hllAt(c, key)
	if err != nil {
		return err
	}
	if h != nil && data.CheckHLL(h) != nil {
		return errDamagedHLL
	}
	u, dense, err := unite(c, c.Args[2:])
	if err != nil {
		return err
	}
	if h == nil {
		h = data.NewHLL()
	} else {
		h = append([]byte(nil), h...)
	}
	if dense {
		if h, err = data.HLLDense(h); err != nil {
			return errDamagedHLL
		}
	}
	c.Tx.StringRebuild(key, u.Into(h))
	c.Out.OK()
	return nil
}
