package strings

import "github.com/weirmq/weir/internal/command"

var lcs = command.Spec{
	Name: "lcs", Group: command.String, Since: "7.0.0", Arity: -3,
	Syntax:     "key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]",
	Summary:    "Return the longest common subsequence of two strings, its length, or where its parts are in both.",
	Complexity: "O(N*M) for strings of N and M bytes",
	Flags:      command.ReadOnly,
	Keys:       command.KeysUntil(1, 1),
	Run:        command.Plain(runLCS),
}

const (
	errNotStrings command.Error = "ERR The specified keys must contain string values"
	errLenAndIdx  command.Error = "ERR If you want both the length and indexes, please just use IDX."
	errLCSMemory  command.Error = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"
)

type lcsOptions struct {
	length, index, withLength bool
	shortest                  int64 // of the matches that are shown
}

func parseLCS(args command.Args) (o lcsOptions, err error) {
	for rest := args[3:]; len(rest) > 0; rest = rest[1:] {
		switch word := rest[0]; {
		case command.EqualFold(word, "IDX"):
			o.index = true
		case command.EqualFold(word, "LEN"):
			o.length = true
		case command.EqualFold(word, "WITHMATCHLEN"):
			o.withLength = true
		case command.EqualFold(word, "MINMATCHLEN") && len(rest) > 1:
			rest = rest[1:]
			if o.shortest, err = command.ParseInt(rest[0]); err != nil {
				return o, err
			}
		default:
			return o, command.ErrSyntax
		}
	}
	if o.length && o.index {
		err = errLenAndIdx
	}
	return o, err
}

func runLCS(c *command.Call) error {
	s, err := c.Tx.String(c.Args[1])
	t, also := c.Tx.String(c.Args[2])
	if err != nil || also != nil {
		return errNotStrings
	}
	o, err := parseLCS(c.Args)
	if err != nil {
		return err
	}
	if cells := int64(s.Len()+1) * int64(t.Len()+1); cells > maxGrown/4 { // Redis takes 4 bytes for each
		return errLCSMemory
	}
	a, b := s.Flat(), t.Flat()
	if o.length {
		c.Out.Int(int64(commonLength(a, b)))
		return nil
	}
	steps := commonSteps(a, b)
	if o.index {
		o.writeMatches(c, a, b, &steps)
		return nil
	}
	common := make([]byte, steps.length)
	at := len(common)
	for i, j := len(a), len(b); i > 0 && j > 0; {
		if a[i-1] == b[j-1] {
			at, i, j = at-1, i-1, j-1
			common[at] = a[i]
		} else if steps.left(i, j) {
			i--
		} else {
			j--
		}
	}
	c.Out.Bulk(common)
	return nil
}

// commonLength returns the length of the longest common subsequence.
func commonLength(a, b []byte) uint32 {
	row := make([]uint32, len(b)+1)
	for i := range a {
		nextRow(row, a[i], b, nil)
	}
	return row[len(b)]
}

// nextRow turns a row into the one below it, which a further byte of a makes: row[j] is the length of the longest common
// subsequence of what there is of a, and the first j bytes of b. In ups, if it is not nil, the bits are set of places where what
// is above is longer than what is to the left.
func nextRow(row []uint32, c byte, b []byte, ups []uint64) {
	diagonal, left := uint32(0), uint32(0)
	for j, d := range b {
		up := row[j+1]
		switch {
		case c == d:
			left = diagonal + 1
		case up > left:
			left = up
			if ups != nil {
				ups[j/64] |= 1 << (j % 64)
			}
		}
		diagonal = up
		row[j+1] = left
	}
}

// lcsSteps knows the way back through the table of the lengths for all beginnings of a and b. Redis keeps the table; one bit
// for each place will do.
type lcsSteps struct {
	ups    [][]uint64
	length uint32
}

func commonSteps(a, b []byte) lcsSteps {
	t := lcsSteps{ups: make([][]uint64, len(a))}
	row := make([]uint32, len(b)+1)
	for i := range a {
		t.ups[i] = make([]uint64, (len(b)+63)/64)
		nextRow(row, a[i], b, t.ups[i])
	}
	t.length = row[len(b)]
	return t
}

// left says that the way back from behind i bytes of a and j of b, the last of which differ, gives up one of a and not one of
// b.
func (t *lcsSteps) left(i, j int) bool { return t.ups[i-1][(j-1)/64]>>((j-1)%64)&1 != 0 }

// match is bytes [aFrom, aTo] of a that are those of b.
type match struct{ aFrom, aTo, bFrom, bTo int }

// writeMatches writes the parts of the subsequence that lie together in both strings, the last one first.
func (o *lcsOptions) writeMatches(c *command.Call, a, b []byte, steps *lcsSteps) {
	c.Out.Map(2)
	c.Out.BulkString("matches")
	mark, n := c.Out.Mark(), 0
	emit := func(m match) {
		if size := int64(m.aTo - m.aFrom + 1); o.shortest <= 0 || size >= o.shortest {
			o.writeMatch(c, m, size)
			n++
		}
	}
	var m match
	open := false
	for i, j := len(a), len(b); i > 0 && j > 0; {
		if a[i-1] != b[j-1] {
			if steps.left(i, j) {
				i--
			} else {
				j--
			}
			if open {
				emit(m)
				open = false
			}
			continue
		}
		i, j = i-1, j-1
		ends := false
		switch {
		case !open:
			m, open = match{i, i, j, j}, true
		case m.aFrom == i+1 && m.bFrom == j+1:
			m.aFrom, m.bFrom = i, j
		default:
			ends = true
		}
		if ends || m.aFrom == 0 || m.bFrom == 0 {
			emit(m)
			open = false
		}
	}
	c.Out.InsertArray(mark, n)
	c.Out.BulkString("len")
	c.Out.Int(int64(steps.length))
}

func (o *lcsOptions) writeMatch(c *command.Call, m match, size int64) {
	if o.withLength {
		c.Out.Array(3)
	} else {
		c.Out.Array(2)
	}
	c.Out.Array(2)
	c.Out.Int(int64(m.aFrom))
	c.Out.Int(int64(m.aTo))
	c.Out.Array(2)
	c.Out.Int(int64(m.bFrom))
	c.Out.Int(int64(m.bTo))
	if o.withLength {
		c.Out.Int(size)
	}
}
