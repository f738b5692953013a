//go:build unix

package log

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrLocked says that another process has the data directory.
var ErrLocked = errors.New("the data directory is in use")

// lockFile takes the directory's lock or says who has it. The lock goes with
// the process; the number in the file is for the message only.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: flock: %w", path, err)
		}
		owner, _ := io.ReadAll(io.LimitReader(f, 32))
		if pid := strings.TrimSpace(string(owner)); pid != "" {
			return nil, fmt.Errorf("%s: %w by process %s", path, ErrLocked, pid)
		}
		return nil, fmt.Errorf("%s: %w", path, ErrLocked)
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		// A full disk must not keep a broker from starting read-only; the pid
		// is a courtesy.
		_ = f.Truncate(0)
	}
	return f, nil
}
