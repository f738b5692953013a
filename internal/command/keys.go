package command

import (
	"math"
	"slices"
	"strings"
)

// Keys says where in its arguments a command names keys, as key specifications of Redis 7 do. First, last and step of
// COMMAND, the flag movablekeys and the keys of a command line are derived from them.
//
//	command.KeyAt(1)                                                        GET key
//	command.KeyAt(1).For("OW update").And(command.NumKeys(2).For("RO access"))  ZUNIONSTORE destination numkeys key ...
type Keys struct {
	Specs []KeySpec
	// Find finds the keys where Specs do not say all: where a key is (SORT), or what the command does with it, which depends
	// on its options (SET).
	Find func(args [][]byte) []Key
}

// KeySpec is a key specification of Redis 7: how a client that knows nothing else of a command finds its keys. The search
// begins at Index, or after Keyword, looked for from From on. From there keys stand every Step arguments up to LastKey
// (relative to the first; negative: to the end), but only in the first 1/Limit of that; or their number stands there, and
// they follow.
type KeySpec struct {
	// Access is what the command does with the keys, in Redis's words and order: "RO access", "RW update", "OW insert",
	// "RM delete". Empty: it is derived from the command's flags.
	Access               string
	Index                int
	Keyword              string
	From                 int
	LastKey, Step, Limit int
	NumKeys              bool
	Unknown              bool   // only Keys.Find can tell; Notes say why
	Notes                string // in Redis's words, which clients show
}

// Key is a key that a command line names.
type Key struct {
	Index  int    // among the arguments
	Access string // see KeySpec.Access
}

func keys(spec KeySpec) Keys {
	spec.Step = max(spec.Step, 1)
	return Keys{Specs: []KeySpec{spec}}
}

// KeyAt declares one key at an index.
func KeyAt(i int) Keys { return keys(KeySpec{Index: i}) }

// KeysFrom declares that all arguments from an index on are keys.
func KeysFrom(i int) Keys { return keys(KeySpec{Index: i, LastKey: -1}) }

// KeysUntil declares that the arguments from an index on are keys, up to one that is counted from the end: -1 is the last.
func KeysUntil(i, last int) Keys { return keys(KeySpec{Index: i, LastKey: last}) }

// KeysEvery declares that of the arguments from an index on every so many-th is a key.
func KeysEvery(i, step int) Keys { return keys(KeySpec{Index: i, LastKey: -1, Step: step}) }

// ToTheEnd returns where the keys are if they are what KeysFrom or KeysEvery declared.
func (k Keys) ToTheEnd() (from, step int, ok bool) {
	if len(k.Specs) != 1 {
		return 0, 0, false
	}
	spec := &k.Specs[0]
	return spec.Index, spec.Step, spec.LastKey == -1 && spec.Keyword == ""
}

// KeysAfter declares that the arguments after a keyword are half keys, half something else; the keyword is searched
// from the given index on.
func KeysAfter(keyword string, from int) Keys {
	return keys(KeySpec{Keyword: keyword, From: from, LastKey: -1, Limit: 2})
}

// KeyAfter declares one key after a keyword, which is searched from the given index on and may be absent.
func KeyAfter(keyword string, from int) Keys { return keys(KeySpec{Keyword: keyword, From: from}) }

// NumKeys declares that the number of keys stands at an index, and the keys behind it.
func NumKeys(i int) Keys { return keys(KeySpec{Index: i, NumKeys: true}) }

// UnknownKeys declares keys whose place has no specification; Find, which the command must set, knows it (FoundBy).
func UnknownKeys() Keys { return keys(KeySpec{Unknown: true}) }

// For says what the command does with the keys; see KeySpec.Access.
func (k Keys) For(access string) Keys {
	k.Specs = slices.Clone(k.Specs)
	for i := range k.Specs {
		k.Specs[i].Access = access
	}
	return k
}

// Noted adds a note; see KeySpec.Notes.
func (k Keys) Noted(notes string) Keys {
	k.Specs = slices.Clone(k.Specs)
	k.Specs[len(k.Specs)-1].Notes = notes
	return k
}

// And adds other keys.
func (k Keys) And(other Keys) Keys {
	k.Specs = append(slices.Clip(k.Specs), other.Specs...)
	return k
}

// FoundBy sets Find.
func (k Keys) FoundBy(find func(args [][]byte) []Key) Keys {
	k.Find = find
	return k
}

// KeySpecs returns the command's key specifications with their Access.
func (s *Spec) KeySpecs() []KeySpec {
	specs := slices.Clone(s.Keys.Specs)
	for i := range specs {
		switch {
		case specs[i].Access != "":
		case s.Flags&Write != 0:
			specs[i].Access = "RW update"
		default:
			specs[i].Access = "RO access"
		}
	}
	return specs
}

// FindKeys returns the keys that a command line names, none if it cannot be right.
func (s *Spec) FindKeys(args [][]byte) []Key {
	if s.Keys.Find != nil {
		return s.Keys.Find(args)
	}
	var all []Key
	for _, spec := range s.KeySpecs() {
		first, last, ok := spec.find(args)
		if !ok {
			return nil
		}
		for i := first; i <= last; i += spec.Step {
			all = append(all, Key{i, spec.Access})
		}
	}
	return all
}

// find returns the first and the last index that may be a key's. A keyword that is absent makes an empty range.
func (k *KeySpec) find(args [][]byte) (first, last int, ok bool) {
	first = k.Index
	if k.Keyword != "" {
		at := slices.IndexFunc(args[min(k.From, len(args)):], func(arg []byte) bool { return EqualFold(arg, k.Keyword) })
		if at < 0 {
			return 0, -1, true
		}
		first = k.From + at + 1
	}
	switch {
	case k.Unknown || first >= len(args):
		return 0, 0, false
	case k.NumKeys:
		n, err := ParseInt(args[first])
		if err != nil || n < 0 || n > math.MaxInt32 {
			return 0, 0, false
		}
		first++
		last = first + int(n) - 1
	case k.LastKey >= 0:
		last = first + k.LastKey
	case k.Limit > 0:
		last = first + (len(args)-first)/k.Limit - 1
	default:
		last = len(args) + k.LastKey
	}
	return first, last, first <= last && last < len(args)
}

// AccessFlags returns the words of Access.
func (k *KeySpec) AccessFlags() []string { return strings.Fields(k.Access) }

// AccessFlags returns the words of Access.
func (k *Key) AccessFlags() []string { return strings.Fields(k.Access) }

// KeyRange is where keys are for clients that do not know key specifications: 0 is the name of the command, and a
// negative last counts from the end.
type KeyRange struct{ First, Last, Step int }

// Range derives the range from those specifications that are plain ranges and follow on one another, as Redis does, and
// reports whether there are keys beyond it.
func (k *Keys) Range() (r KeyRange, movable bool) {
	for i := range k.Specs {
		s := &k.Specs[i]
		plain := s.Keyword == "" && !s.NumKeys && !s.Unknown
		alone := len(k.Specs) == 1
		if !plain || !alone && s.Step != 1 || r.Last != 0 && r.Last != s.Index-1 {
			movable = true
			continue
		}
		movable = movable || slices.Contains(s.AccessFlags(), "incomplete")
		last := s.LastKey
		if last >= 0 {
			last += s.Index
		}
		if r.First == 0 || s.Index < r.First {
			r.First = s.Index
		}
		if uint(last) > uint(r.Last) { // a negative one is the larger
			r.Last = last
		}
		r.Step = s.Step
	}
	return r, movable
}
