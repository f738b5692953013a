package crash

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/weirmq/weir/internal/oracle"
)

// check looks at everything after a restart, when nobody is at work.
func (c *crew) check(conn *oracle.Conn) error {
	entries, err := readStream(conn, crewStream)
	if err != nil {
		return err
	}
	place := map[string]int{}
	for i, e := range entries {
		place[e.id] = i + 1
	}
	for id := range c.added {
		if place[id] == 0 {
			return fmt.Errorf("entry %s was acknowledged and is gone", id)
		}
	}
	for id := range c.jobs {
		if place[id] == 0 {
			return fmt.Errorf("entry %s was given to a consumer and is gone", id)
		}
	}
	rep, err := conn.MustDo("XINFO", "GROUPS", crewStream)
	if err != nil {
		return err
	}
	info := fields(rep.Elems[0])
	delivered := place[info["last-delivered-id"].Text]
	if lag := strconv.Itoa(len(entries) - delivered); info["lag"].Text != lag {
		return fmt.Errorf("lag is %s, and there are %s entries above %s", info["lag"].Text, lag, info["last-delivered-id"].Text)
	}
	rows, err := conn.MustDo("XPENDING", crewStream, crewGroup, "-", "+", "1000000")
	if err != nil {
		return err
	}
	if n := strconv.Itoa(len(rows.Elems)); info["pending"].Text != n {
		return fmt.Errorf("pending is %s, and XPENDING has %s rows", info["pending"].Text, n)
	}
	return c.checkPending(entries, delivered, rows)
}

// checkPending: what is pending is what was delivered, without what was
// acknowledged.
func (c *crew) checkPending(entries []entry, delivered int, rows oracle.Reply) error {
	claiming := map[string]bool{}
	for _, m := range c.members {
		if m.claiming {
			claiming[m.name] = true
		}
		m.held, m.claiming = nil, false
	}
	pending := map[string]oracle.Reply{}
	for _, row := range rows.Elems {
		pending[row.Elems[0].Text] = row
	}
	for i, e := range entries {
		row, isPending := pending[e.id]
		delete(pending, e.id)
		if i >= delivered {
			if isPending || c.jobs[e.id] != nil {
				return fmt.Errorf("entry %s is above the last delivered, and was delivered: %s, %+v", e.id, row, c.jobs[e.id])
			}
			continue
		}
		j := c.job(e.id)
		first := j.shown // somebody has seen its first delivery
		j.shown = true   // for if not, the reply was lost: it never comes by > again
		switch {
		case isPending && j.acked:
			return fmt.Errorf("entry %s was acknowledged, and is pending: %s", e.id, row)
		case !isPending && !j.ackSent:
			return fmt.Errorf("entry %s was delivered and never acknowledged, and is not pending: %+v", e.id, j)
		case isPending:
			if err := c.checkRow(j, first, claiming, row); err != nil {
				return err
			}
		default:
			j.acked = true
		}
	}
	for id := range pending {
		return fmt.Errorf("entry %s is pending, and not in the stream", id)
	}
	return nil
}

// checkRow: who has a pending entry, and how often it was delivered. first is that
// the first delivery is among those known; else its reply was lost.
func (c *crew) checkRow(j *job, first bool, claiming map[string]bool, row oracle.Reply) error {
	owner := row.Elems[1].Text
	if j.deliveries > 0 && !j.holders[owner] && !claiming[owner] {
		return fmt.Errorf("%s is not with one of %v, nor of those that were claiming: %v", row, j.holders, claiming)
	}
	known := j.deliveries
	if !first {
		known++
	}
	n, err := strconv.Atoi(row.Elems[3].Text)
	if err != nil || n < known || n > known+len(claiming) {
		return fmt.Errorf("%s: deliveries are not %d, nor up to %d more", row, known, len(claiming))
	}
	j.deliveries, j.holders, j.ackSent = n, map[string]bool{owner: true}, false
	for _, m := range c.members {
		if m.name == owner {
			m.held = append(m.held, row.Elems[0].Text)
		}
	}
	return nil
}

// drain does all that is left, as the last worker would, and then every entry must
// have been given to somebody, and nothing be left.
func (c *crew) drain(conn *oracle.Conn) error {
	m := c.members[0]
	for {
		rep, err := conn.MustDo("XAUTOCLAIM", crewStream, crewGroup, m.name, "0", "0", "COUNT", "100")
		if err != nil {
			return err
		}
		ids, err := entryIDs(rep.Elems[1])
		if err != nil {
			return err
		}
		before := m.lastNew
		if _, err := m.take(conn); err != nil {
			return err
		}
		for _, id := range ids {
			m.got(m.job(id), id)
		}
		if len(m.held) > 0 {
			if _, err := conn.MustDo(append([]string{"XACK", crewStream, crewGroup}, m.held...)...); err != nil {
				return err
			}
		}
		for _, id := range m.held {
			m.job(id).ackSent, m.job(id).acked = true, true
		}
		m.held = nil
		if len(ids) == 0 && m.lastNew == before {
			break
		}
	}
	entries, err := readStream(conn, crewStream)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if j := c.jobs[e.id]; j == nil || j.deliveries == 0 && !j.acked {
			errs = append(errs, fmt.Errorf("entry %s was never given to anybody", e.id))
		}
	}
	return errors.Join(errs...)
}
