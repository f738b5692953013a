package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestBackupsOfABusyBrokerAreWhole makes backups while streams are written, trimmed and deleted, and checkpoints follow each
// other, so that files go all the time. Each is verified as it is made; what was acknowledged before it began is in it.
func TestBackupsOfABusyBrokerAreWhole(t *testing.T) {
	home := t.TempDir()
	socket := filepath.Join(home, "s")
	p := startProcess(t, "--port", "0", "--unixsocket", socket, "--sync", "everysec", "--stream-block-entries", "16",
		"--stream-segment-size", "1mb", "--checkpoint-log-size", "1mb")
	p.until(t, `"listening"`)
	dir := filepath.Join(filepath.Dir(p.Path), "data")

	var acked atomic.Int64
	stop, ended := make(chan struct{}), make(chan error)
	c, err := dial(t.Context(), socket, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	write := func() error {
		value := strings.Repeat("v", 1000)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return nil
			default:
			}
			for _, command := range []string{"XADD kept * n 1", "XADD short MAXLEN 50 * f " + value,
				fmt.Sprintf("XADD gone%d * f %s", i%10, value), fmt.Sprintf("DEL gone%d", (i+5)%10)} {
				if _, err := c.do(strings.Fields(command)...); err != nil {
					return err
				}
			}
			acked.Add(1)
			if i%500 == 0 {
				_, _ = c.do("BGSAVE") // one may be under way
			}
		}
	}
	go func() { ended <- write() }()
	var dest string
	var before int64
	for i := range 8 {
		for acked.Load() < int64(20*(i+1)) { // each finds another directory
			select {
			case err := <-ended:
				t.Fatal(err)
			case <-time.After(time.Millisecond):
			}
		}
		before = acked.Load()
		dest = filepath.Join(home, fmt.Sprint("copy", i))
		if _, err := backup(t.Context(), brokerAddress{socket: socket}, dir, dest); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	restored := filepath.Join(home, "r")
	q := startProcess(t, "--port", "0", "--unixsocket", restored, "--dir", dest)
	q.until(t, `"listening"`)
	if c, err = dial(t.Context(), restored, "", 0); err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if n, err := c.do("XLEN", "kept"); err != nil || n.(int64) < before || n.(int64) > acked.Load() {
		t.Errorf("%d entries were acknowledged before the backup, %d in the end, and it has %v, %v", before, acked.Load(), n, err)
	}
}
