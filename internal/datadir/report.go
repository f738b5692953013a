package datadir

import (
	"errors"
	"fmt"

	"github.com/weirmq/weir/stream"
)

// Report is what Check found. Positions and IDs are in the notation that the
// log and the streams have for them.
type Report struct {
	Dir         string       `json:"dir"`
	ID          string       `json:"id"` // of the data directory, in hexadecimal
	Log         Log          `json:"log"`
	Checkpoints []Checkpoint `json:"checkpoints"` // newest first
	Segments    []Segment    `json:"segments"`    // lowest number first
	Damage      []Damage     `json:"damage"`
	Notes       []string     `json:"notes"` // what is not as it could be, and loses nothing
	Start       Start        `json:"start"`
}

// Sound reports whether nothing is damaged and a start would succeed.
func (r *Report) Sound() bool { return len(r.Damage) == 0 && r.Start.Refused == "" }

// mustBeSound is Sound as an error, which names the first damage.
func (r *Report) mustBeSound() error {
	switch {
	case len(r.Damage) > 0:
		return errors.New(r.Damage[0].String())
	case r.Start.Refused != "":
		return errors.New(r.Start.Refused)
	}
	return nil
}

// Log is the commit log. What is damaged is not counted.
type Log struct {
	Generations []Generation `json:"generations"`
	Frames      uint64       `json:"frames"`
	Records     uint64       `json:"records"`
	Bytes       int64        `json:"bytes"`
	Last        string       `json:"last"`  // position of the last record
	Clean       bool         `json:"clean"` // it ends where a clean shutdown left it
}

// Generation is a part of the log.
type Generation struct {
	Name     string `json:"name"` // of its directory, below the directory
	Segments int    `json:"segments"`
	Records  uint64 `json:"records"`
	Bytes    int64  `json:"bytes"`
	First    string `json:"first"` // position of its first record; empty if it has none
	Last     string `json:"last"`
}

// Checkpoint is one of a directory.
type Checkpoint struct {
	Number   uint64 `json:"number"`
	File     string `json:"file"` // below the directory
	Bytes    int64  `json:"bytes"`
	Position string `json:"position"` // empty if the header is damaged
	UnixMS   int64  `json:"unix_ms"`  // zero then, too
	Segments int    `json:"segments"` // files of blocks that it needs
	Keys     int    `json:"keys"`     // -1 if its state cannot be read
	Unusable string `json:"unusable"` // why a start cannot use it; empty if it can
}

// Segment is a file of sealed blocks.
type Segment struct {
	Number    uint64 `json:"number"`
	File      string `json:"file"`
	Bytes     int64  `json:"bytes"`
	Blocks    int    `json:"blocks"`     // good ones
	LiveBytes int64  `json:"live_bytes"` // that the newest good checkpoint needs
	Complete  bool   `json:"complete"`   // false for one that was being written when its process ended
}

// Damage is one place where the disk has other bytes than were written.
type Damage struct {
	File    string     `json:"file"` // below the directory
	Offset  int64      `json:"offset"`
	Reason  string     `json:"reason"`
	Affects []Affected `json:"affects,omitempty"` // what cannot be read because of it, if that is known

	by uint64 // the checkpoint that Affects is from
}

func (d *Damage) String() string {
	return fmt.Sprintf("%s is damaged at offset %d: %s", d.File, d.Offset, d.Reason)
}

// Affected is a part of a stream.
type Affected struct {
	DB     int    `json:"db"`
	Key    string `json:"key"`
	First  string `json:"first"` // ID of the first entry
	Last   string `json:"last"`
	Blocks int    `json:"blocks"`
}

// affect notes that a block of a stream cannot be read. The blocks of a stream
// come one after the other. Of several checkpoints, which mostly need the same,
// the newest counts.
func (d *Damage) affect(checkpoint uint64, db int, key string, b stream.Placed) {
	if d.by != 0 && d.by != checkpoint {
		return
	}
	d.by = checkpoint
	if n := len(d.Affects); n == 0 || d.Affects[n-1].DB != db || d.Affects[n-1].Key != key {
		d.Affects = append(d.Affects, Affected{DB: db, Key: key, First: b.First.String()})
	}
	a := &d.Affects[len(d.Affects)-1]
	a.Last = b.Last.String()
	a.Blocks++
}

// Start is what a start of the broker would do.
type Start struct {
	Refused    string `json:"refused"`    // why; empty if it would succeed
	Checkpoint uint64 `json:"checkpoint"` // that it would load; 0 if it would read the log from its beginning
	Records    uint64 `json:"records"`    // of the log that it would replay
	Last       string `json:"last"`       // position of the last of all
	Keys       int    `json:"keys"`
}
