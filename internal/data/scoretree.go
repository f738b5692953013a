package data

// scoreTree is the order of a large sorted set: a B+ tree whose leaves are pages (runs of some thirty elements) and whose
// inner nodes know, of each child, how many elements it has and where it begins. So finding an element, its rank, or the
// element of a rank are one way down, and no element has a pointer that a garbage collector would have to follow.
//
// The tree has a copy of each member beside the table's. Pointing there instead would save a few bytes an element, and
// cost a cache miss for every comparison.
//
// A page holds up to scorePageBytes. It is larger only if an element is: such a one shares its page with as few as possible,
// and is not copied again for every element that comes beside it.
type scoreTree struct {
	root   *scoreNode // nil: empty
	height int        // nodes above a node of pages
	len    int
}

const (
	scorePageBytes = 1024
	scoreFanOut    = 64
)

// scoreNode is an inner node. Its children are pages in the lowest level, nodes above.
//
// Invariant: what is in child i-1 is below (scores[i], texts[i]), what is in child i is not. This need not be an element:
// texts[i] is as short as it can be, and empty where the scores on both sides differ. The first child has no such start.
type scoreNode struct {
	used   int
	counts [scoreFanOut]int // elements
	scores [scoreFanOut]float64
	texts  [scoreFanOut]string
	pages  [scoreFanOut]scoreRun
	nodes  [scoreFanOut]*scoreNode
}

// rank returns how many elements are below a border.
func (t *scoreTree) rank(b *scoreBorder) int {
	n := t.root
	if n == nil {
		return 0
	}
	rank := 0
	for level := t.height; ; level-- {
		i := n.child(b)
		for _, c := range n.counts[:i] {
			rank += c
		}
		if level == 0 {
			_, index := n.pages[i].seek(b)
			return rank + index
		}
		n = n.nodes[i]
	}
}

// page returns the page with the element of a rank below len, and the element's index in it.
func (t *scoreTree) page(rank int) (page scoreRun, index int) {
	n := t.root
	for level := t.height; ; level-- {
		i, rest := n.childOf(rank)
		if rank = rest; level == 0 {
			return n.pages[i], rank
		}
		n = n.nodes[i]
	}
}

// insert adds an element that is not there.
func (t *scoreTree) insert(score float64, member []byte) {
	b := scoreBorder{score: score, member: member}
	if t.root == nil {
		t.root = &scoreNode{used: 1}
		t.root.pages[0] = newScorePage(scoredSize(member))
	}
	t.len++
	n := t.root
	if n.used == scoreFanOut {
		n = &scoreNode{used: 1}
		n.counts[0], n.nodes[0] = t.len-1, t.root
		n.splitNode(0)
		t.root = n
		t.height++
	}
	for level := t.height; level > 0; level-- {
		i := n.child(&b)
		if n.nodes[i].used == scoreFanOut {
			n.splitNode(i)
			if b.aboveStart(n.scores[i+1], n.texts[i+1]) {
				i++
			}
		}
		n.counts[i]++
		n = n.nodes[i]
	}
	n.insertIntoPage(n.child(&b), &b)
}

// remove takes out an element, which is there.
func (t *scoreTree) remove(score float64, member []byte) {
	t.root.remove(t.height, &scoreBorder{score: score, member: member})
	t.removed(1)
}

// removeFrom takes out up to so many elements, at least one, from a rank on, all of one page, and tells visit which. It
// returns how many they were.
func (t *scoreTree) removeFrom(rank, most int, visit func(member []byte)) int {
	n := t.root.removeFrom(t.height, rank, most, visit)
	t.removed(n)
	return n
}

func (t *scoreTree) removed(n int) {
	if t.len -= n; t.len == 0 {
		*t = scoreTree{}
	}
	for t.height > 0 && t.root.used == 1 {
		t.root = t.root.nodes[0]
		t.height--
	}
}

// child returns the index of the child in which a border lies.
func (n *scoreNode) child(b *scoreBorder) int {
	low, high := 0, n.used-1
	for low < high {
		middle := (low + high + 1) / 2
		if b.aboveStart(n.scores[middle], n.texts[middle]) {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low
}

// aboveStart reports whether all that is before the start of a child is below the border, so that it lies in the child or
// behind it.
func (b *scoreBorder) aboveStart(score float64, text string) bool {
	if b.by != byMember {
		switch {
		case score < b.score:
			return true
		case score > b.score:
			return false
		case b.by == byScore:
			return b.inclusive
		}
	}
	return text <= string(b.member)
}

// childOf returns the child with the element of a rank, and the rank in that child.
func (n *scoreNode) childOf(rank int) (i, rest int) {
	for rank >= n.counts[i] {
		rank -= n.counts[i]
		i++
	}
	return i, rank
}

// insertIntoPage adds an element to a page, or to the next one if it fits there only, or to half of the page. The node has
// room for one more.
func (n *scoreNode) insertIntoPage(i int, b *scoreBorder) {
	page, size := n.pages[i], scoredSize(b.member)
	at, index := page.seek(b)
	switch {
	case len(page)+size <= scorePageBytes || len(page) == 0:
		n.pages[i] = page.insert(at, b.score, b.member)
		n.counts[i]++
	case at == len(page) && i+1 < n.used && len(n.pages[i+1])+size <= scorePageBytes:
		n.pages[i+1] = n.pages[i+1].insert(0, b.score, b.member)
		n.scores[i+1], n.texts[i+1] = scoreStart(page, b.score, b.member)
		n.counts[i+1]++
	default:
		n.splitPage(i, b, at, index)
	}
}

// splitPage divides a page in two and puts a new element in one of them.
func (n *scoreNode) splitPage(i int, b *scoreBorder, at, index int) {
	page, size := n.pages[i], scoredSize(b.member)
	middle, before := page.middle()
	switch {
	case at == len(page) && (i == n.used-1 || middle == 0):
		middle, before = len(page), n.counts[i] // elements that arrive in order leave full pages behind
	case at == 0 && i == 0:
		middle, before = 0, 0
	}
	low, high := page[:middle], page[middle:]
	if middle < len(page) && middle > 0 {
		high = append(newScorePage(len(high)), high...)
		if cap(low) > max(scorePageBytes, 2*len(low)) {
			low = append(newScorePage(len(low)), low...)
		}
	}
	counts := [2]int{before, n.counts[i] - before}
	if at < middle || at == middle && len(low) < len(high) {
		if len(low) == 0 {
			low = newScorePage(size)
		}
		low = low.insert(at, b.score, b.member)
		counts[0]++
	} else {
		if len(high) == 0 {
			high = newScorePage(size)
		}
		high = high.insert(at-middle, b.score, b.member)
		counts[1]++
	}
	first, member, _ := high.item(0)
	score, text := scoreStart(low, first, member)
	n.put(i+1, counts[1], score, text)
	n.counts[i], n.pages[i], n.pages[i+1] = counts[0], low, high
}

func newScorePage(size int) scoreRun { return make(scoreRun, 0, max(size, scorePageBytes)) }

// middle returns the offset at which a page falls into halves, and how many elements are before it: 0 if there is only one
// at all.
func (r scoreRun) middle() (at, index int) {
	for {
		_, _, next := r.item(at)
		if next == len(r) || at > len(r)/2 {
			return at, index
		}
		at, index = next, index+1
	}
}

// scoreStart returns as short a start as can be for the page that begins with an element, behind another page.
func scoreStart(page scoreRun, score float64, member []byte) (float64, string) {
	var last []byte
	var lastScore float64
	for at := 0; at < len(page); {
		lastScore, last, at = page.item(at)
	}
	if lastScore < score {
		return score, ""
	}
	same := 0
	for same < len(last) && last[same] == member[same] {
		same++
	}
	return score, string(member[:same+1])
}

// splitNode divides a child that is a full node. The node itself has room for one more.
func (n *scoreNode) splitNode(i int) {
	const half = scoreFanOut / 2
	low := n.nodes[i]
	high := &scoreNode{used: scoreFanOut - half}
	count := 0
	for j := range high.used {
		count += low.counts[half+j]
	}
	high.take(0, low, half)
	n.put(i+1, count, low.scores[half], low.texts[half])
	n.nodes[i+1] = high
	n.counts[i] -= count
	high.texts[0] = ""
	low.drop(half, scoreFanOut)
}

// take copies the children of another node from one of them on to index at.
func (n *scoreNode) take(at int, of *scoreNode, from int) {
	copy(n.counts[at:], of.counts[from:of.used])
	copy(n.scores[at:], of.scores[from:of.used])
	copy(n.texts[at:], of.texts[from:of.used])
	copy(n.pages[at:], of.pages[from:of.used])
	copy(n.nodes[at:], of.nodes[from:of.used])
}

// put makes room for a child at index i, which the caller puts there.
func (n *scoreNode) put(i, count int, score float64, text string) {
	n.used++
	n.take(i+1, n, i)
	n.counts[i], n.scores[i], n.texts[i], n.pages[i], n.nodes[i] = count, score, text, nil, nil
}

// drop removes the children between two indexes.
func (n *scoreNode) drop(from, to int) {
	n.take(from, n, to)
	was := n.used
	n.used -= to - from
	clear(n.texts[n.used:was])
	clear(n.pages[n.used:was])
	clear(n.nodes[n.used:was])
}

func (n *scoreNode) remove(level int, b *scoreBorder) {
	i := n.child(b)
	n.counts[i]--
	if level > 0 {
		n.nodes[i].remove(level-1, b)
	} else {
		at, _ := n.pages[i].seek(b)
		_, _, next := n.pages[i].item(at)
		n.pages[i] = n.pages[i].cut(at, next)
	}
	n.tidy(level, i)
}

func (n *scoreNode) removeFrom(level, rank, most int, visit func([]byte)) (removed int) {
	i, rank := n.childOf(rank)
	if level > 0 {
		removed = n.nodes[i].removeFrom(level-1, rank, most, visit)
	} else {
		removed = min(most, n.counts[i]-rank)
		from := n.pages[i].skip(rank)
		to := from
		for range removed {
			var member []byte
			_, member, to = n.pages[i].item(to)
			visit(member)
		}
		n.pages[i] = n.pages[i].cut(from, to)
	}
	n.counts[i] -= removed
	n.tidy(level, i)
	return removed
}

// tidy removes a child that has become empty, and joins one that has become small with its neighbour.
func (n *scoreNode) tidy(level, i int) {
	if n.counts[i] == 0 {
		n.drop(i, i+1)
		return
	}
	size, full := n.size, scorePageBytes
	if level > 0 {
		size, full = n.children, scoreFanOut
	} else if page := n.pages[i]; cap(page) > scorePageBytes && len(page) <= cap(page)/2 {
		n.pages[i] = append(newScorePage(len(page)), page...)
	}
	if size(i) > full/4 {
		return
	}
	for _, low := range [2]int{i, i - 1} {
		if low >= 0 && low+1 < n.used && size(low)+size(low+1) <= full*3/4 {
			n.join(level, low)
			return
		}
	}
}

func (n *scoreNode) size(i int) int     { return len(n.pages[i]) }
func (n *scoreNode) children(i int) int { return n.nodes[i].used }

// join moves all of child i+1 to child i.
func (n *scoreNode) join(level, i int) {
	if level == 0 {
		n.pages[i] = append(n.pages[i], n.pages[i+1]...)
	} else {
		low, high := n.nodes[i], n.nodes[i+1]
		at := low.used
		low.used += high.used
		low.take(at, high, 0)
		low.scores[at], low.texts[at] = n.scores[i+1], n.texts[i+1]
	}
	n.counts[i] += n.counts[i+1]
	n.drop(i+1, i+2)
}

// bytes returns the memory that the tree takes.
func (t *scoreTree) bytes() int {
	if t.root == nil {
		return 0
	}
	return t.root.bytes(t.height)
}

func (n *scoreNode) bytes(level int) int {
	sum := scoreNodeBytes
	for i := range n.used {
		sum += len(n.texts[i])
		if level > 0 {
			sum += n.nodes[i].bytes(level - 1)
		} else {
			sum += cap(n.pages[i])
		}
	}
	return sum
}

const scoreNodeBytes = 8 + scoreFanOut*(8+8+16+24+8)
