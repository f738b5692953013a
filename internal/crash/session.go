package crash

import "github.com/weirmq/weir/internal/oracle"

// session calls turn with a connection of its own until turn says that the server went away, or stop closes. A server that
// is gone before the session began is no error: it is killed at random moments.
func session(addr string, stop <-chan struct{}, turn func(*oracle.Conn) (gone bool, err error)) error {
	c, err := oracle.Dial(addr)
	if err != nil {
		return nil
	}
	defer func() { _ = c.Close() }()
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		if gone, err := turn(c); gone || err != nil {
			return err
		}
	}
}

// exchange sends a batch of n commands and passes each reply on, in their order. A reply cut in the middle counts as none.
func exchange(c *oracle.Conn, batch []byte, n int, answered func(oracle.Reply) error) (gone bool, err error) {
	if _, err := c.Write(batch); wentAway(oracle.Reply{}, err) {
		return true, nil
	}
	for range n {
		rep, err := c.Receive()
		if wentAway(rep, err) {
			return true, nil
		}
		if err := answered(rep); err != nil {
			return false, err
		}
	}
	return false, nil
}

// wentAway says that nobody answers any more: which of the ways to break a connection it was tells nothing.
func wentAway(rep oracle.Reply, err error) bool { return err != nil || rep.Kind == 'c' }
