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

// restore decodes the state of a checkpoint. That it cannot be decoded although
// every byte is what was written is damage, too.
func restore(r *checkpoint.Reader, file string) (*state.Keyspace, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	k, err := state.Restore(b, stream.Config{}, r.Header().Position, func(uint64) error { return nil })
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

// eachCold calls fn for each block of a stream that is in a segment file, stream
// by stream.
func eachCold(k *state.Keyspace, fn func(db int, key string, b stream.Placed)) {
	tx := state.NewTx(k)
	for db := range state.Databases {
		tx.Begin(db, 0)
		tx.Scan(0, k.Len(db), func(key []byte, v state.Value) {
			s, ok := v.Object.(*state.Stream)
			if !ok {
				return
			}
			for b := range s.Cold(stream.ID{}) {
				fn(db, string(key), b)
			}
		})
	}
}
