package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/weirmq/weir/internal/vfs"
)

// Info is what List says of a checkpoint.
type Info struct {
	Number   uint64
	File     string // its name, relative to the data directory
	Bytes    int64
	Position uint64
	UnixMS   int64
	// Err says why the header could not be read or believed; Position and UnixMS
	// are then zero. It is nil for many a damaged checkpoint: Open and Read tell.
	Err error
}

// List returns the checkpoints, newest first, also those whose header is
// damaged. Files that were never finished are none.
func List(fsys vfs.FS) ([]Info, error) {
	numbers, err := list(fsys)
	if err != nil {
		return nil, err
	}
	infos := make([]Info, len(numbers))
	for i, number := range numbers {
		infos[i] = look(fsys, number)
	}
	return infos, nil
}

// list returns the numbers of the checkpoints in descending order.
func list(fsys vfs.FS) ([]uint64, error) {
	names, err := fsys.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var numbers []uint64
	for _, name := range names {
		if number, ok := parseBase(name); ok {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	slices.Reverse(numbers)
	return numbers, err
}

func look(fsys vfs.FS, number uint64) Info {
	info := Info{Number: number, File: name(number)}
	file, err := fsys.Open(info.File)
	if err != nil {
		info.Err = err
		return info
	}
	defer file.Close()
	var h Header
	if info.Bytes, info.Err = file.Size(); info.Err == nil {
		h, _, info.Err = readHeader(file, info.Bytes, number)
	}
	info.Position, info.UnixMS = h.Position, h.UnixMS
	return info
}

// Keep removes all but the newest checkpoints, the oldest first, durably.
func Keep(fsys vfs.FS, keep int) error {
	numbers, err := list(fsys)
	if err != nil || len(numbers) <= keep {
		return err
	}
	for _, number := range slices.Backward(numbers[keep:]) {
		if err := fsys.Remove(name(number)); err != nil {
			return err
		}
	}
	return fsys.SyncDir(dir)
}

// Quarantine moves a damaged checkpoint to quarantine/, durably, and returns
// its name there. Nothing that is there is replaced.
func Quarantine(fsys vfs.FS, number uint64) (string, error) {
	if err := fsys.MakeDir(quarantineDir); err != nil {
		return "", err
	}
	taken, err := fsys.List(quarantineDir)
	if err != nil {
		return "", err
	}
	label := "checkpoint-" + base(number)
	to := label
	for n := 2; slices.Contains(taken, to); n++ {
		to = fmt.Sprintf("%s.%d", label, n)
	}
	to = path.Join(quarantineDir, to)
	if err := fsys.Rename(name(number), to); err != nil {
		return "", err
	}
	// First the new name: a crash between the two must leave one.
	if err := fsys.SyncDir(quarantineDir); err != nil {
		return "", err
	}
	return to, fsys.SyncDir(dir)
}

// RemoveLeftovers removes the files of checkpoints that were never finished.
func RemoveLeftovers(fsys vfs.FS) error {
	names, err := fsys.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	removed := false
	for _, n := range names {
		if number, ok := strings.CutSuffix(n, aside); !ok || len(number) != nameDigits {
			continue
		}
		if err := fsys.Remove(path.Join(dir, n)); err != nil {
			return err
		}
		removed = true
	}
	if !removed {
		return nil
	}
	return fsys.SyncDir(dir)
}
