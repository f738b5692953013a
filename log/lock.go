//go:build unix

package log

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrLocked says that another process has the data directory.
var ErrLocked = errors.New("the data directory is in use")

// lockDir takes the lock of a directory or says who has it. The lock is on the
// directory itself, for a file in it can be deleted, and goes with the process.
// The file holds the owner's pid, for the message only.
func lockDir(dir, file string) (*os.File, error) {
	lock, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, file)
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = lock.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: flock: %w", dir, err)
		}
		owner, _ := os.ReadFile(path)
		if pid, err := strconv.Atoi(strings.TrimSpace(string(owner))); err == nil {
			return nil, fmt.Errorf("%s: %w by process %d", dir, ErrLocked, pid)
		}
		return nil, fmt.Errorf("%s: %w", dir, ErrLocked)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		_ = lock.Close()
		return nil, err
	}
	if _, err := f.WriteString(strconv.Itoa(os.Getpid()) + "\n"); err != nil {
		// A full disk must not keep a broker from starting read-only; the pid
		// is a courtesy.
		_ = f.Truncate(0)
	}
	_ = f.Close()
	return lock, nil
}
