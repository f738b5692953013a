package datadir

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/weirmq/weir/internal/checkpoint"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/stream"
)

// asking is where the streams of a check get their cold blocks from: nowhere, but
// it remembers which one they have asked for.
type asking struct{ ref stream.Ref }

var errNotRead = errors.New("blocks are not read")

func (a *asking) Body(stream.Ref) *stream.Body { return nil }

func (a *asking) Want(refs []stream.Ref) error {
	a.ref = refs[0]
	return errNotRead
}

func (a *asking) streams() stream.Config { return stream.Config{Source: a, Totals: new(stream.Totals)} }

// restore decodes the state of a checkpoint. That it cannot be decoded although
// every byte is what was written is damage, too.
func (a *asking) restore(r *checkpoint.Reader, file string) (*state.Keyspace, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	k, err := state.Restore(b, a.streams(), r.Header().Position, func(uint64) error { return nil })
	if err == nil {
		if _, err = b.ReadByte(); err == io.EOF {
			return k, nil
		} else if err == nil {
			err = errors.New("something follows the last key")
		}
	}
	var damage *checkpoint.DamageError
	var system *fs.PathError
	if errors.As(err, &damage) || errors.As(err, &system) {
		return nil, err
	}
	return nil, &checkpoint.DamageError{File: file, Reason: fmt.Sprintf("the state cannot be decoded: %v", err)}
}

// keys counts the keys of all databases.
func keys(k *state.Keyspace) (n int) {
	for db := range state.Databases {
		n += k.Len(db)
	}
	return n
}

// each calls fn for each block of a stream that is in a segment file, stream by
// stream, with the IDs of its first and its last entry.
func (a *asking) each(k *state.Keyspace, fn func(db int, key string, ref stream.Ref, first, last stream.ID)) {
	tx := state.NewTx(k)
	for db := range state.Databases {
		tx.Begin(db)
		tx.Scan(0, k.Len(db), func(key string, v state.Value) {
			s, from, more := v.(*state.Stream), stream.ID{}, true
			for more {
				it := s.Range(from, stream.MaxID)
				for it.Next() {
				}
				var cold *stream.LostError
				if more = errors.As(it.Err(), &cold); more {
					fn(db, key, a.ref, cold.First, cold.Last)
					from, more = cold.Last.Next()
				}
			}
		})
	}
}
