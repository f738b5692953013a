package fuzz

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/weirmq/weir/internal/oracle"
)

// Newer makes a round like Generate's, with commands and options that
// redis-server 7.0.15 does not have among them. There is no judge for it: such a
// round shows what one server says of itself, before and after a restart.
func Newer(seed, round uint64, n int) Round {
	rd := Generate(seed, round, n)
	g := newGenerator(seed, ^round)
	g.groups = true
	for i := range rd.Ops {
		if g.one(4) {
			rd.Ops[i].Args = g.newerCommand(rd.Ops[i].Args)
		}
	}
	return rd
}

func (g *generator) newerCommand(old []string) []string {
	// IDs that are likely there are those of old, which the round's own generator made.
	key := "a"
	if len(old) > 2 && (old[0] == "XADD" || old[0] == "XACK" || old[0] == "XDEL") {
		key = old[1]
		g.added[key] = append(g.added[key], old[2:]...)
	}
	policy := func(args []string) []string {
		if g.one(2) {
			args = append(args, g.pick("KEEPREF", "DELREF", "ACKED", "ACKED"))
		}
		return args
	}
	ids := func(args []string) []string {
		ids := g.ids(key)
		return append(append(args, "IDS", strconv.Itoa(len(ids))), ids...)
	}
	switch g.r.IntN(8) {
	case 0, 1:
		args := ids([]string{"XNACK", key, g.group(), g.pick("SILENT", "FAIL", "FATAL")})
		args = g.maybe(args, 4, "RETRYCOUNT", g.number)
		if g.one(3) {
			args = append(args, "FORCE")
		}
		return args
	case 2:
		return ids(policy([]string{"XDELEX", key}))
	case 3:
		return ids(policy([]string{"XACKDEL", key, g.group()}))
	case 4:
		return policy([]string{"XTRIM", key, g.pick("MAXLEN", "MINID"), g.pick("=", "~"), strconv.Itoa(g.r.IntN(20))})
	case 5:
		args := policy([]string{"XADD", key, "MAXLEN", g.pick("=", "~"), strconv.Itoa(g.r.IntN(20))})
		return append(args, g.newID(key), "f", g.value())
	}
	args := []string{"XREADGROUP", "GROUP", g.group(), g.consumer(), "CLAIM", g.idle()}
	args = g.maybe(args, 2, "COUNT", g.number)
	args = g.maybe(args, 3, "MAXCOUNT", g.number)
	args = g.maybe(args, 3, "MAXSIZE", g.number)
	return append(args, "STREAMS", key, "b", ">", g.pick(">", "0"))
}

// RunAlone plays a round on one server, without a judge, and returns how many
// replies were no errors. What could block is left out.
func RunAlone(addr string, rd Round) (answered int, err error) {
	p, err := connect(addr, rd.Protos)
	if err != nil {
		return 0, err
	}
	defer p.close()
	for _, op := range rd.Ops {
		if mayBlock(op.Args) || skip(op.Args, nil) {
			continue
		}
		c := p.clients[op.Client]
		if err := c.conn.Send(p.args(op)...); err != nil {
			return 0, err
		}
		r, err := c.receive()
		if err != nil || r.Kind == 'c' {
			return 0, fmt.Errorf("%s: %w (%s)", oracle.FormatCommand(op.Args), err, r)
		}
		if !r.IsError() {
			answered++
		}
	}
	return answered, nil
}

// CheckPending counts what is pending in every group of a server in four ways:
// in XINFO GROUPS, in XPENDING's summary, in its rows, and consumer by consumer.
func CheckPending(addr string) error {
	return eachGroup(addr, func(c *oracle.Conn, key string, g oracle.Reply) error {
		name := field(g, "name").Text
		summary, err := c.MustDo("XPENDING", key, name)
		if err != nil {
			return err
		}
		rows, err := c.MustDo("XPENDING", key, name, "-", "+", "10000000")
		if err != nil {
			return err
		}
		consumers, err := c.MustDo("XINFO", "CONSUMERS", key, name)
		if err != nil {
			return err
		}
		owned := map[string]int{}
		for i, row := range rows.Elems {
			if i > 0 && row.Elems[0].Text == rows.Elems[i-1].Elems[0].Text {
				return fmt.Errorf("key %q group %q: %s is pending twice", key, name, row.Elems[0].Text)
			}
			if released := row.Elems[1].Text == "" && row.Elems[2].Text == "-1"; !released {
				owned[row.Elems[1].Text]++
			}
		}
		var want, got []string
		for _, e := range consumers.Elems {
			n := owned[field(e, "name").Text]
			want = append(want, fmt.Sprintf("%q has %d", field(e, "name").Text, n))
			got = append(got, fmt.Sprintf("%q has %s", field(e, "name").Text, field(e, "pending").Text))
		}
		all := strconv.Itoa(len(rows.Elems))
		want = append(want, all, all)
		got = append(got, field(g, "pending").Text, summary.Elems[0].Text)
		if !slices.Equal(want, got) {
			return fmt.Errorf("key %q group %q: the rows of XPENDING say %q, the counters %q", key, name, want, got)
		}
		return nil
	})
}
