package fuzz

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/weirmq/weir/internal/oracle"
)

// finish unblocks everybody and compares the state of both servers.
func (u *run) finish() (*Mismatch, error) {
	for who := range u.peers[0].clients {
		if u.waiting[who] != nil {
			if m, err := u.unblock(who); m != nil || err != nil {
				return m, err
			}
		}
	}
	a, err := dump(u.peers[0].control, normalise)
	if err != nil {
		return nil, err
	}
	b, err := dump(u.peers[1].control, normalise)
	if err != nil {
		return nil, err
	}
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return &Mismatch{What: "final state", A: a[i], B: b[i]}, nil
		}
	}
	if len(a) != len(b) {
		return &Mismatch{What: "final state", A: strings.Join(a, "\n"), B: strings.Join(b, "\n")}, nil
	}
	return nil, nil
}

// Dump lists the whole state of a server, ready to be compared with what the
// same server says after a restart.
func Dump(addr string) ([]string, error) {
	c, err := oracle.Dial(addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	return dump(c, func(args []string, r oracle.Reply) string {
		if args[0] == "XINFO" {
			// docs/compat.md, consumer groups: attempts that gave nothing are not logged. And the settings may be others,
			// so that blocks are larger or smaller.
			return oracle.Normalise(r, "minutes;mask idle seen-time radix-tree-keys radix-tree-nodes").String()
		}
		return normalise(args, r)
	})
}

func dump(c *oracle.Conn, normalise func([]string, oracle.Reply) string) ([]string, error) {
	var out []string
	for db := range 16 {
		if _, err := c.MustDo("SELECT", strconv.Itoa(db)); err != nil {
			return nil, err
		}
		keys, err := c.MustDo("KEYS", "*")
		if err != nil {
			return nil, err
		}
		keys = oracle.Normalise(keys, "sorted")
		out = append(out, fmt.Sprintf("database %d: %s", db, keys))
		for _, k := range keys.Elems {
			asks, err := asksAbout(c, k.Text)
			if err != nil {
				return nil, err
			}
			for _, args := range asks {
				r, err := c.MustDo(args...)
				if err != nil {
					return nil, err
				}
				out = append(out, fmt.Sprintf("database %d: %s\n%s", db, oracle.FormatCommand(args), normalise(args, r)))
			}
		}
	}
	return out, nil
}

// asksAbout lists the commands that show all of what a key holds.
func asksAbout(c *oracle.Conn, key string) ([][]string, error) {
	kind, err := c.MustDo("TYPE", key)
	if err != nil {
		return nil, err
	}
	if kind.Text != "stream" {
		reads := append([][]string{{"TYPE", key}, {"EXPIRETIME", key}}, shownOf(kind.Text, key)...)
		// Of a string the form after INCRBYFLOAT differs (docs/compat.md), and SORT changes that of a sorted set in Redis.
		if kind.Text != "string" && kind.Text != "zset" {
			reads = append(reads, []string{"OBJECT", "ENCODING", key})
		}
		return reads, nil
	}
	asks := [][]string{
		{"TYPE", key}, {"EXPIRETIME", key}, {"XLEN", key}, {"XRANGE", key, "-", "+"}, {"XREVRANGE", key, "+", "-"},
		{"XINFO", "STREAM", key}, {"XINFO", "STREAM", key, "FULL", "COUNT", "0"}, {"XINFO", "GROUPS", key},
	}
	groups, err := c.MustDo("XINFO", "GROUPS", key)
	for _, g := range groups.Elems {
		name := field(g, "name").Text
		asks = append(asks, []string{"XPENDING", key, name}, []string{"XPENDING", key, name, "-", "+", "1000000"},
			[]string{"XINFO", "CONSUMERS", key, name})
	}
	return asks, err
}

// field returns the value of a field of a map.
func field(r oracle.Reply, name string) oracle.Reply {
	for i := 0; i+1 < len(r.Elems); i += 2 {
		if r.Elems[i].Text == name {
			return r.Elems[i+1]
		}
	}
	return oracle.Reply{}
}

// eachGroup calls f with every group of a server, as XINFO GROUPS shows it.
func eachGroup(addr string, f func(c *oracle.Conn, key string, group oracle.Reply) error) error {
	c, err := oracle.Dial(addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	for db := range 16 {
		if _, err := c.MustDo("SELECT", strconv.Itoa(db)); err != nil {
			return err
		}
		keys, err := c.MustDo("KEYS", "*")
		if err != nil {
			return err
		}
		for _, k := range keys.Elems {
			if kind, err := c.MustDo("TYPE", k.Text); err != nil {
				return err
			} else if kind.Text != "stream" {
				continue
			}
			groups, err := c.MustDo("XINFO", "GROUPS", k.Text)
			if err != nil {
				return err
			}
			for _, g := range groups.Elems {
				if err := f(c, k.Text, g); err != nil {
					return fmt.Errorf("database %d: %w", db, err)
				}
			}
		}
	}
	return nil
}

// CheckLag looks at the lag of every group of a server that promises it exactly:
// as many entries are above the group's last-delivered-id.
func CheckLag(addr string) error {
	return eachGroup(addr, func(c *oracle.Conn, key string, g oracle.Reply) error {
		last, above := field(g, "last-delivered-id").Text, 0
		if last != "18446744073709551615-18446744073709551615" { // above it is no ID
			entries, err := c.MustDo("XRANGE", key, "("+last, "+")
			if err != nil {
				return err
			}
			above = len(entries.Elems)
		}
		if lag := field(g, "lag").String(); lag != ":"+strconv.Itoa(above) {
			return fmt.Errorf("key %q has %d entries above %s, and a group says:\n%s", key, above, last, g)
		}
		return nil
	})
}
