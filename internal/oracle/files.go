package oracle

import (
	"fmt"
	"strings"
	"time"
)

// Small are arguments under which weir seals blocks, writes them to files, reads them again and makes checkpoints all the
// time, and not only with a long history.
var Small = []string{"--stream-block-entries", "3", "--stream-cache-size", "0", "--stream-segment-size", "64kb", "--checkpoint-log-size", "64kb"}

// Settle waits until a weir has written its full blocks to files, so that what is asked next is read from there.
func Settle(c *Conn) error {
	for end := time.Now().Add(ReplyTimeout); ; time.Sleep(5 * time.Millisecond) {
		info, err := c.MustDo("INFO", "persistence")
		if err != nil {
			return err
		}
		if strings.Contains(info.Text, "\r\nspill_backlog_blocks:0\r\n") {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("full blocks are still in memory: %s", info)
		}
	}
}
