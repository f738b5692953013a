package crash

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/weirmq/weir/internal/oracle"
)

// keeper has values of every kind in memory, under keys of its own, and changes them at random. Like a writer it lives
// across restarts, and what is there after one must be what some prefix of its commands leads to, which has all that were
// acknowledged. It is told apart from a writer by what it knows: plain Go values, to the last byte.
type keeper struct {
	index int
	rand  *rand.Rand
	n     int

	known *pantry
	sent  [][]string // in this session
	acked int
}

// pantry is what a keeper's keys must hold.
type pantry struct {
	strings map[string]string
	lists   map[string][]string
	hashes  map[string]map[string]string
	sets    map[string]map[string]bool
	zsets   map[string]map[string]float64
	expires map[string]string // PEXPIREAT of keys, far in the future
}

func newPantry() *pantry {
	return &pantry{map[string]string{}, map[string][]string{}, map[string]map[string]string{}, map[string]map[string]bool{},
		map[string]map[string]float64{}, map[string]string{}}
}

func newKeeper(index int, seed uint64) *keeper {
	return &keeper{index: index, rand: rand.New(rand.NewPCG(seed, uint64(900+index))), known: newPantry()}
}

// keeperKeys are the keys of each kind that a keeper has.
const keeperKeys = 3

func (k *keeper) key(kind string) string {
	return fmt.Sprintf("keep%d:%s%d", k.index, kind, k.rand.IntN(keeperKeys))
}

func (k *keeper) text() string {
	k.n++
	size := []int{0, 3, 30, 70, 200}[k.rand.IntN(5)]
	if k.rand.IntN(400) == 0 {
		size = 70_000
	}
	return strconv.Itoa(k.n) + strings.Repeat(string(rune('a'+k.n%26)), size)
}

func (k *keeper) member() string { return fmt.Sprint("m", k.rand.IntN(300)) }

// next is a command whose effect follows from what is there.
func (k *keeper) next() []string {
	amount := strconv.Itoa(k.rand.IntN(2000) - 1000)
	switch k.rand.IntN(24) {
	case 0, 1:
		return []string{"SET", k.key("s"), k.text()}
	case 2:
		return []string{"APPEND", k.key("s"), k.text()}
	case 3:
		return []string{"SETRANGE", k.key("s"), strconv.Itoa(k.rand.IntN(300)), k.text()}
	case 4:
		return []string{"INCRBY", k.key("n"), amount}
	case 5:
		return []string{"MSET", k.key("s"), k.text(), k.key("n"), amount}
	case 6, 7, 8:
		args := []string{[]string{"LPUSH", "RPUSH"}[k.rand.IntN(2)], k.key("l")}
		for range 1 + k.rand.IntN(8) {
			args = append(args, k.text())
		}
		return args
	case 9:
		return []string{[]string{"LPOP", "RPOP"}[k.rand.IntN(2)], k.key("l"), strconv.Itoa(1 + k.rand.IntN(12))}
	case 10:
		return []string{"LMOVE", k.key("l"), k.key("l"), "LEFT", "RIGHT"}
	case 11:
		return []string{"LTRIM", k.key("l"), strconv.Itoa(k.rand.IntN(3)), strconv.Itoa(200 + k.rand.IntN(100))}
	case 12, 13:
		args := []string{"HSET", k.key("h")}
		for range 1 + k.rand.IntN(5) {
			args = append(args, k.member(), k.text())
		}
		return args
	case 14:
		return []string{"HDEL", k.key("h"), k.member(), k.member()}
	case 15:
		return []string{"SADD", k.key("t"), k.member(), k.member(), strconv.Itoa(k.rand.IntN(400))}
	case 16:
		return []string{"SREM", k.key("t"), k.member(), strconv.Itoa(k.rand.IntN(400))}
	case 17, 18:
		return []string{"ZADD", k.key("z"), amount, k.member(), amount, k.member()}
	case 19:
		return []string{"ZINCRBY", k.key("z"), amount, k.member()}
	case 20:
		return []string{"ZREM", k.key("z"), k.member(), k.member()}
	case 21:
		return []string{"RENAME", k.key("s"), k.key("s")}
	case 22:
		return []string{"PEXPIREAT", k.key("l"), strconv.Itoa(9_000_000_000_000 + k.rand.IntN(1000))}
	}
	if k.rand.IntN(8) > 0 {
		return []string{"DEL", k.key([]string{"s", "n"}[k.rand.IntN(2)])}
	}
	return []string{"DEL", k.key([]string{"l", "h", "t", "z"}[k.rand.IntN(4)])}
}

// apply does a command on a pantry.
func (p *pantry) apply(a []string) {
	key := a[1]
	switch a[0] {
	case "SET":
		p.set(key, a[2])
	case "MSET":
		p.set(key, a[2])
		p.set(a[3], a[4])
	case "APPEND":
		p.strings[key] += a[2]
	case "SETRANGE":
		p.setRange(key, a[2], a[3])
	case "INCRBY":
		n, _ := strconv.Atoi(p.strings[key])
		by, _ := strconv.Atoi(a[2])
		p.strings[key] = strconv.Itoa(n + by)
	case "HSET":
		for i := 2; i < len(a); i += 2 {
			entryOf(p.hashes, key)[a[i]] = a[i+1]
		}
	case "HDEL":
		remove(p.hashes, key, a[2:])
	case "SADD":
		for _, m := range a[2:] {
			entryOf(p.sets, key)[m] = true
		}
	case "SREM":
		remove(p.sets, key, a[2:])
	case "ZADD":
		for i := 2; i < len(a); i += 2 {
			entryOf(p.zsets, key)[a[i+1]] = scoreOf(a[i])
		}
	case "ZINCRBY":
		entryOf(p.zsets, key)[a[3]] += scoreOf(a[2])
	case "ZREM":
		remove(p.zsets, key, a[2:])
	case "RENAME":
		p.rename(key, a[2])
	case "PEXPIREAT":
		if len(p.lists[key]) > 0 {
			p.expires[key] = a[2]
		}
	case "DEL":
		p.drop(key)
	default:
		p.applyToList(a)
	}
}

func scoreOf(s string) float64 {
	f, _ := strconv.ParseFloat(s, 64)
	return f
}

func (p *pantry) set(key, value string) { p.strings[key] = value }

func (p *pantry) setRange(key, at, text string) {
	from, _ := strconv.Atoi(at)
	b := []byte(p.strings[key])
	for len(b) < from+len(text) {
		b = append(b, 0)
	}
	copy(b[from:], text)
	p.strings[key] = string(b)
}

func (p *pantry) rename(from, to string) {
	if s, ok := p.strings[from]; ok {
		delete(p.strings, from)
		p.strings[to] = s
	}
}

func (p *pantry) drop(key string) {
	delete(p.strings, key)
	delete(p.lists, key)
	delete(p.hashes, key)
	delete(p.sets, key)
	delete(p.zsets, key)
	delete(p.expires, key)
}

func (p *pantry) applyToList(a []string) {
	key, l := a[1], p.lists[a[1]]
	switch a[0] {
	case "RPUSH":
		l = append(slices.Clone(l), a[2:]...)
	case "LPUSH":
		for _, v := range a[2:] {
			l = append([]string{v}, l...)
		}
	case "LPOP":
		n, _ := strconv.Atoi(a[2])
		l = slices.Clone(l[min(n, len(l)):])
	case "RPOP":
		n, _ := strconv.Atoi(a[2])
		l = slices.Clone(l[:max(0, len(l)-n)])
	case "LTRIM":
		from, _ := strconv.Atoi(a[2])
		to, _ := strconv.Atoi(a[3])
		l = slices.Clone(l[min(from, len(l)):min(to+1, len(l))])
	case "LMOVE":
		if len(l) == 0 {
			return
		}
		v, rest := l[0], slices.Clone(l[1:])
		if a[2] == key {
			l = append(rest, v)
			break
		}
		p.setList(key, rest)
		key, l = a[2], append(slices.Clone(p.lists[a[2]]), v)
	}
	p.setList(key, l)
}

func (p *pantry) setList(key string, l []string) {
	if p.lists[key] = l; len(l) == 0 {
		p.drop(key)
	}
}

func entryOf[V any](all map[string]map[string]V, key string) map[string]V {
	if all[key] == nil {
		all[key] = map[string]V{}
	}
	return all[key]
}

func remove[V any](all map[string]map[string]V, key string, names []string) {
	for _, name := range names {
		delete(all[key], name)
	}
	if len(all[key]) == 0 {
		delete(all, key)
	}
}

func (p *pantry) clone() *pantry {
	c := newPantry()
	for k, v := range p.strings {
		c.strings[k] = v
	}
	for k, v := range p.lists {
		c.lists[k] = v // never changed in place
	}
	cloneInto(c.hashes, p.hashes)
	cloneInto(c.sets, p.sets)
	cloneInto(c.zsets, p.zsets)
	for k, v := range p.expires {
		c.expires[k] = v
	}
	return c
}

func cloneInto[V any](to, from map[string]map[string]V) {
	for k, m := range from {
		for name, v := range m {
			entryOf(to, k)[name] = v
		}
	}
}

// dump is a pantry as text, a line for each key.
func (p *pantry) dump() map[string]string {
	lines := map[string]string{}
	for k, v := range p.strings {
		lines[k] = "string " + v
	}
	for k, v := range p.lists {
		lines[k] = "list " + p.expires[k] + " " + strings.Join(v, " ")
	}
	dumpInto(lines, "hash", p.hashes)
	dumpInto(lines, "set", p.sets)
	dumpInto(lines, "zset", p.zsets)
	return lines
}

func dumpInto[V any](lines map[string]string, kind string, all map[string]map[string]V) {
	for k, m := range all {
		var parts []string
		for name, v := range m {
			parts = append(parts, fmt.Sprint(name, "=", v))
		}
		slices.Sort(parts)
		lines[k] = kind + " " + strings.Join(parts, " ")
	}
}

// session works until the server goes, or stop closes.
func (k *keeper) session(addr string, stop <-chan struct{}) error {
	k.sent, k.acked = nil, 0
	var batch []byte
	return session(addr, stop, func(c *oracle.Conn) (gone bool, err error) {
		batch = batch[:0]
		n := 1 + k.rand.IntN(20)
		for range n {
			k.sent = append(k.sent, k.next())
			batch = oracle.AppendCommand(batch, k.sent[len(k.sent)-1]...)
		}
		return exchange(c, batch, n, k.answered)
	})
}

func (k *keeper) answered(rep oracle.Reply) error {
	if rep.IsError() && rep.Text != "ERR no such key" {
		return fmt.Errorf("keeper %d: %.200q was answered by %s", k.index, k.sent[k.acked], rep)
	}
	k.acked++
	return nil
}

// settle reads everything and finds the prefix of what was sent that explains it.
func (k *keeper) settle(addr string) error {
	c, err := oracle.Dial(addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	found := map[string]string{}
	for _, kind := range []string{"s", "n", "l", "h", "t", "z"} {
		for i := range keeperKeys {
			key := fmt.Sprintf("keep%d:%s%d", k.index, kind, i)
			line, err := dumpKey(c, kind, key)
			if err != nil {
				return err
			}
			if line != "" {
				found[key] = line
			}
		}
	}
	p := k.known.clone()
	for _, a := range k.sent[:k.acked] {
		p.apply(a)
	}
	first := ""
	for n := k.acked; ; n++ {
		wrong := whatDiffers(p.dump(), found)
		if wrong == "" {
			k.known, k.sent, k.acked = p, nil, 0
			return nil
		}
		if n == k.acked {
			first = wrong
		}
		if n == len(k.sent) {
			return fmt.Errorf("keeper %d: no prefix of %d commands, %d of them acknowledged, explains what is there: %s", k.index, len(k.sent), k.acked, first)
		}
		p.apply(k.sent[n])
	}
}

func whatDiffers(want, got map[string]string) string {
	for key := range want {
		if got[key] != want[key] {
			return fmt.Sprintf("%s should be\n%.2000q and is\n%.2000q", key, want[key], got[key])
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			return fmt.Sprintf("%s should not be there and is\n%.2000q", key, got[key])
		}
	}
	return ""
}

// dumpKey reads a key as pantry.dump has it; empty if it is not there.
func dumpKey(c *oracle.Conn, kind, key string) (string, error) {
	read := map[string][]string{"s": {"GET", key}, "n": {"GET", key}, "l": {"LRANGE", key, "0", "-1"}, "h": {"HGETALL", key},
		"t": {"SMEMBERS", key}, "z": {"ZRANGE", key, "0", "-1", "WITHSCORES"}}[kind]
	rep, err := c.MustDo(read...)
	if err != nil || rep.Null || rep.Kind == '*' && len(rep.Elems) == 0 {
		return "", err
	}
	var parts []string
	switch kind {
	case "s", "n":
		return "string " + rep.Text, nil
	case "l":
		at, err := c.MustDo("PEXPIRETIME", key)
		if err != nil {
			return "", err
		}
		for _, e := range rep.Elems {
			parts = append(parts, e.Text)
		}
		if at.Text == "-1" {
			at.Text = ""
		}
		return "list " + at.Text + " " + strings.Join(parts, " "), nil
	case "t":
		for _, e := range rep.Elems {
			parts = append(parts, e.Text+"=true")
		}
	default:
		for i := 0; i+1 < len(rep.Elems); i += 2 {
			parts = append(parts, rep.Elems[i].Text+"="+rep.Elems[i+1].Text)
		}
	}
	slices.Sort(parts)
	return map[string]string{"h": "hash", "t": "set", "z": "zset"}[kind] + " " + strings.Join(parts, " "), nil
}
