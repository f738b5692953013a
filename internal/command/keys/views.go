package keys

import (
	"github.com/weirmq/weir/internal/data"
	"github.com/weirmq/weir/internal/state"
)

// The views of values of a known kind, for commands that look at any.

func stringOf(v state.Value) data.String {
	large, _ := v.Object.(*data.Blob)
	return data.String{Packed: v.Packed, Large: large}
}

func listOf(v state.Value) data.List {
	large, _ := v.Object.(*data.ListTable)
	return data.List{Packed: v.Packed, Large: large}
}

func setOf(v state.Value) data.Set {
	large, _ := v.Object.(*data.SetTable)
	return data.Set{Packed: v.Packed, Large: large}
}

func zsetOf(v state.Value) data.ZSet {
	large, _ := v.Object.(*data.ZSetTable)
	return data.ZSet{Packed: v.Packed, Large: large}
}

// hashOf needs a time: fields may be gone.
func hashOf(v state.Value, nowMS int64) data.Hash {
	large, _ := v.Object.(*data.HashTable)
	return data.Hash{Packed: v.Packed, Large: large, NowMS: nowMS}
}
