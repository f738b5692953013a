package command

import "strings"

// Keys says where in its arguments a command names keys.
type Keys struct {
	First, Last, Step int // as in COMMAND: 0 is the name; a negative Last counts from the end
	// Find overrides the three numbers where keys are movable, and returns the indexes of the keys.
	Find func(args [][]byte) []int
	// Keyword and KeywordFrom describe, for COMMAND, keys that begin after a keyword: the first half of what follows.
	Keyword     string
	KeywordFrom int
	// Access is what the command does with the keys, as in Redis's key specifications: "RO access", "RW update",
	// "OW insert", "RM delete". Empty: it is derived from the command's flags.
	Access string
}

// For says what the command does with the keys; see Keys.Access.
func (k Keys) For(access string) Keys {
	k.Access = access
	return k
}

// KeyAt declares one key at an index.
func KeyAt(i int) Keys { return Keys{First: i, Last: i, Step: 1} }

// KeysFrom declares that all arguments from an index on are keys.
func KeysFrom(i int) Keys { return Keys{First: i, Last: -1, Step: 1} }

// KeysAfter declares that the arguments after a keyword are half keys, half something else; the keyword is searched
// from the given index on.
func KeysAfter(keyword string, from int) Keys {
	return Keys{Keyword: keyword, KeywordFrom: from, Find: func(args [][]byte) []int {
		for i := from; i < len(args); i++ {
			if EqualFold(args[i], keyword) {
				var keys []int
				for n := (len(args) - i - 1) / 2; n > 0; n-- {
					i++
					keys = append(keys, i)
				}
				return keys
			}
		}
		return nil
	}}
}

// Indexes returns the indexes of the keys among args.
func (k Keys) Indexes(args [][]byte) []int {
	if k.Find != nil {
		return k.Find(args)
	}
	if k.First == 0 {
		return nil
	}
	last := k.Last
	if last < 0 {
		last += len(args)
	}
	var keys []int
	for i := k.First; i <= last && i < len(args); i += k.Step {
		keys = append(keys, i)
	}
	return keys
}

// KeySpec is a key specification of Redis 7: how a client that knows nothing else of a command finds its keys. The search
// begins at Index, or after Keyword, looked for from From on; from there keys stand every Step arguments up to LastKey
// (relative to the first; negative: to the end), but only in the first 1/Limit of that.
type KeySpec struct {
	Flags                []string
	Index                int
	Keyword              string
	From                 int
	LastKey, Step, Limit int
}

// KeySpecs derives the command's key specifications.
func (s *Spec) KeySpecs() []KeySpec {
	k := s.Keys
	access := k.Access
	switch {
	case access != "":
	case s.Flags&Write != 0:
		access = "RW update"
	default:
		access = "RO access"
	}
	spec := KeySpec{Flags: strings.Fields(access), Step: max(k.Step, 1)}
	switch {
	case k.Keyword != "":
		spec.Keyword, spec.From, spec.LastKey, spec.Limit = k.Keyword, k.KeywordFrom, -1, 2
	case k.First != 0 && k.Last < 0:
		spec.Index, spec.LastKey = k.First, k.Last
	case k.First != 0:
		spec.Index, spec.LastKey = k.First, k.Last-k.First
	default:
		return nil
	}
	return []KeySpec{spec}
}
