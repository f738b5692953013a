package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// usage is how many bytes of disk a data directory takes, by what they are for.
type usage struct{ log, segments, checkpoints, rest float64 }

func (u usage) total() float64 { return u.log + u.segments + u.checkpoints + u.rest }

// usageOf counts blocks, as du does. What goes away meanwhile does not count.
func usageOf(dir string) (u usage, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		size := float64(info.Size())
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			size = float64(stat.Blocks) * 512
		}
		below, err := filepath.Rel(dir, path)
		switch part, _, _ := strings.Cut(below, string(filepath.Separator)); part {
		case "log":
			u.log += size
		case "segments":
			u.segments += size
		case "checkpoints":
			u.checkpoints += size
		default:
			u.rest += size
		}
		return err
	})
	return u, err
}

// newestGeneration is the name of the part of the log that is written to.
func newestGeneration(dir string) (string, error) {
	list, err := os.ReadDir(filepath.Join(dir, "log"))
	if err != nil {
		return "", err
	}
	if len(list) == 0 {
		return "", fmt.Errorf("%s has no log", dir)
	}
	return list[len(list)-1].Name(), nil
}

// logSince is how many bytes of log are in a generation and later ones.
func logSince(dir, generation string) (bytes float64, err error) {
	list, err := os.ReadDir(filepath.Join(dir, "log"))
	for _, d := range list {
		if d.Name() >= generation {
			u, uerr := usageOf(filepath.Join(dir, "log", d.Name()))
			bytes, err = bytes+u.total(), errors.Join(err, uerr)
		}
	}
	return bytes, err
}

// diskFree is what is left of the disk under a directory, in bytes.
func diskFree(dir string) float64 {
	var s syscall.Statfs_t
	if syscall.Statfs(dir, &s) != nil {
		return 0
	}
	return float64(s.Bavail) * float64(s.Bsize)
}

// The page cache: all of it dropped, or all files of a directory in it.

const dropFile = "/proc/sys/vm/drop_caches"

// mayDrop says whether the page cache can be dropped here.
func mayDrop() bool {
	f, err := os.OpenFile(dropFile, os.O_WRONLY, 0)
	if err != nil {
		return false
	}
	_ = f.Close()
	return true
}

// dropPageCache forgets all that is not dirty, after a sync of everything.
func dropPageCache() error {
	syscall.Sync()
	return os.WriteFile(dropFile, []byte("3"), 0)
}

// warm reads all files.
func warm(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		_, err = io.Copy(io.Discard, f)
		return err
	})
}

// diskReads is what a process has had read from the disk, in bytes: what the
// page cache had does not count.
func diskReads(pid int) (float64, error) {
	return procField(fmt.Sprintf("/proc/%d/io", pid), "read_bytes:", 1)
}
