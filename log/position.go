package log

import "fmt"

// Position says where a record is. The epoch is in the high 16 bits and the
// number of the record, counted over the whole life of the data directory, in
// the low 48:
//
//	 63        48 47                                0
//	+------------+----------------------------------+
//	|   epoch    |              count               |
//	+------------+----------------------------------+
//
// Zero means "nothing". Positions compare as integers. The count grows by one
// from record to record; the epoch grows whenever records may have been lost
// that had been given a position (a start without a clean shutdown, a failed
// disk), so that a position is never given out twice.
type Position uint64

const (
	countBits = 48
	countMask = 1<<countBits - 1
	maxEpoch  = 1<<16 - 1
)

func makePosition(epoch uint16, count uint64) Position {
	return Position(uint64(epoch)<<countBits | count&countMask)
}

// Epoch returns the high half.
func (p Position) Epoch() uint16 { return uint16(p >> countBits) }

// Count returns the number of the record among all records ever kept.
func (p Position) Count() uint64 { return uint64(p) & countMask }

// String returns epoch:count.
func (p Position) String() string { return fmt.Sprintf("%d:%d", p.Epoch(), p.Count()) }

// Sync is the durability setting: what Released waits for, and who calls fsync.
type Sync uint8

const (
	// SyncAlways releases a record when the fsync that covers it has returned.
	// A power cut loses nothing that was released.
	SyncAlways Sync = iota
	// SyncEverySecond releases a record when it has been written; an fsync
	// follows within a second, beside the writes. kill -9 loses nothing; a
	// power cut loses what was written since the last fsync began.
	SyncEverySecond
	// SyncNo leaves fsync to the operating system (and to segment changes,
	// Sync, Rotate and Close).
	SyncNo
)

var syncNames = [...]string{"always", "everysec", "no"}

// String returns the word used in the configuration.
func (s Sync) String() string {
	if int(s) < len(syncNames) {
		return syncNames[s]
	}
	return fmt.Sprintf("Sync(%d)", uint8(s))
}

// ParseSync reads "always", "everysec" or "no".
func ParseSync(s string) (Sync, error) {
	for i, name := range syncNames {
		if s == name {
			return Sync(i), nil
		}
	}
	return 0, fmt.Errorf("sync: %q is not one of always, everysec, no", s)
}
