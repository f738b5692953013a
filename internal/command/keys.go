package command

// Keys says where in its arguments a command names keys.
type Keys struct {
	First, Last, Step int // as in COMMAND: 0 is the name; a negative Last counts from the end
	// Find overrides the three numbers where keys are movable, and returns the indexes of the keys.
	Find func(args [][]byte) []int
	// Keyword and KeywordFrom describe, for COMMAND, keys that begin after a keyword: the first half of what follows.
	Keyword     string
	KeywordFrom int
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
