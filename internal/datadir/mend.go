package datadir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/weirmq/weir/internal/vfs"
	"github.com/weirmq/weir/stream"
	"github.com/weirmq/weir/stream/store"
)

// mend writes the segment files anew that are missing or not what they should be:
// with a header, what is left of them, and zeros up to where the last block should
// end. Every block has a checksum of its own and is found damaged, or good, when
// it is read.
func (r *repairer) mend() error {
	for _, number := range slices.Sorted(maps.Keys(r.absent)) {
		if r.ends[number] == 0 {
			continue // nothing needs it
		}
		lost := 0
		for _, a := range r.absent[number].Affects {
			lost += a.Blocks
		}
		if r.dryRun {
			r.did("would write %s anew, from what is left of it (%s): up to %d blocks are lost, and their streams answer -DATALOSS for them; if you have the file, put it there instead",
				store.Name(number), r.absent[number].Reason, lost)
			continue
		}
		if err := r.mendSegment(number); err != nil {
			return err
		}
		r.did("wrote %s anew, from what was left of it (%s): up to %d blocks are lost, and their streams answer -DATALOSS for them",
			store.Name(number), r.absent[number].Reason, lost)
	}
	return nil
}

func (r *repairer) mendSegment(number uint64) error {
	name := filepath.Join(r.dir, filepath.FromSlash(store.Name(number)))
	header, err := r.segmentHeader(number)
	if err != nil {
		return err
	}
	if err := r.keepCopy(store.Name(number)); err != nil {
		return err
	}
	aside := name + ".new"
	if err = writeSegment(aside, name, header, r.ends[number]); err == nil {
		err = os.Rename(aside, name)
	}
	if err != nil {
		_ = os.Remove(aside)
		return err
	}
	return syncDir(filepath.Dir(name))
}

// keepCopy copies a file to quarantine/, durably, if it is there.
func (r *repairer) keepCopy(name string) error {
	from := filepath.Join(r.dir, filepath.FromSlash(name))
	info, err := os.Stat(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if err := r.fs.MakeDir("quarantine"); err != nil {
		return err
	}
	label := filepath.Join(r.dir, "quarantine", path.Dir(name)+"-"+path.Base(name))
	to := label
	for n := 2; ; n++ {
		if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return err
		}
		to = label + "." + strconv.Itoa(n)
	}
	if err := copyFile(from, to, info.Size(), func() error { return nil }); err != nil {
		return err
	}
	return r.fs.SyncDir("quarantine")
}

// segmentHeader returns what stands in a segment before its first block. Only the
// store knows: it makes one in memory.
func (r *repairer) segmentHeader(number uint64) ([]byte, error) {
	fsys := vfs.NewMem()
	made, err := store.Open(store.Options{FS: fsys, ID: r.id, Next: number})
	if err != nil {
		return nil, err
	}
	totals := new(stream.Totals)
	s := stream.New(stream.Config{Source: nowhere{}, Totals: totals})
	s.Append(stream.ID{Seq: 1}, [][]byte{{}, {}})
	s.Seal()
	refs, err := made.Write([]store.Block{{Body: totals.Take(1)[0].Body()}})
	if err != nil {
		return nil, err
	}
	if err := made.Close(); err != nil {
		return nil, err
	}
	b, err := vfs.ReadAll(fsys, store.Name(number))
	if err != nil {
		return nil, err
	}
	return b[:refs[0].Offset], nil
}

// writeSegment makes a file of a header, what is behind the header in the old file,
// and zeros.
func writeSegment(to, old string, header []byte, end int64) error {
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := out.Write(header); err != nil {
		return err
	}
	size := int64(len(header))
	in, err := os.Open(old)
	if err == nil {
		defer in.Close()
		if _, err = in.Seek(size, io.SeekStart); err != nil {
			return err
		}
		n, err := io.Copy(out, in)
		if err != nil {
			return fmt.Errorf("%s: %w", old, err)
		}
		size += n
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := out.Truncate(max(size, end)); err != nil {
		return err
	}
	if err := out.Sync(); err != nil {
		return err
	}
	return out.Close()
}

// nowhere is for a stream that is never read.
type nowhere struct{}

func (nowhere) Body(stream.Ref) *stream.Body { return nil }
func (nowhere) Want([]stream.Ref) error      { return stream.ErrCold }
func (nowhere) Soon([]stream.Ref)            {}
