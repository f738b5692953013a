package log

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// quarantine takes c out of the log: a whole file or directory is moved, a tail
// is copied, durably, before the file is cut. It returns where it is now.
func (l *Log) quarantine(c cut) (to string, err error) {
	dir := filepath.Join(l.opts.Dir, quarantineName)
	if err := l.faults.mkdir(dir); err != nil {
		return "", err
	}
	to = filepath.Join(dir, c.label)
	for n := 2; ; n++ {
		if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return "", err
		}
		to = filepath.Join(dir, c.label+"."+strconv.Itoa(n))
	}
	if c.from < 0 {
		if err := l.faults.rename(c.path, to); err != nil {
			return "", err
		}
	} else {
		if err := l.copyTail(c, to); err != nil {
			return "", err
		}
		if err := l.faults.truncate(c.path, c.from); err != nil {
			return "", err
		}
	}
	l.opts.Logger.Warn("cut what nothing shows to have been durable from the end of the log",
		"file", c.path, "offset", max(c.from, 0), "bytes", sizeOf(to), "kept", to)
	return to, nil
}

func (l *Log) copyTail(c cut, to string) error {
	in, err := os.Open(c.path)
	if err != nil {
		return err
	}
	defer in.Close()
	if _, err := in.Seek(c.from, io.SeekStart); err != nil {
		return err
	}
	if err := l.faults.start(opCreate, to); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	l.faults.done(opCreate, to, 0)
	n, err := io.Copy(out, in)
	if err == nil {
		_, err = l.faults.syncFile(out, n)
	}
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = l.faults.syncDir(filepath.Dir(to))
	}
	if err != nil {
		_ = os.Remove(to) // half a copy, of what is still in its place
	}
	return err
}
