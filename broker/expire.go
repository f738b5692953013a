package broker

import (
	"time"

	"github.com/weirmq/weir/internal/state"
)

// Keys whose time is over, and fields of hashes, are absent to every command. They leave memory when a command changes them, or
// when the expirer comes to them, which goes round all keys that expire and all hashes with fields that do, a part of the
// way ten times a second. Their deletion is logged like any other change; while the state is read from disk, nothing may be written or CLIENT PAUSE lasts, there is none.
type expirer struct {
	off    bool // DEBUG SET-ACTIVE-EXPIRE 0
	db     int
	cursor state.ExpiryCursor
	fields bool   // the database's keys have been looked at, its hashes are next
	hash   uint64 // where among these

	expired uint64        // keys deleted because their time was over, by commands too
	late    uint64        // cycles that had to leave some for the next
	spent   time.Duration // under the lock
}

const (
	expireEvery = 100 * time.Millisecond
	// What one cycle may hold the lock for in all: little, unless many of the keys that it looks at are due.
	expireLittle = time.Millisecond
	expireMuch   = 25 * time.Millisecond
	expireMany   = 10 // one in so many
	mostExpired  = 1 << 10
)

// runExpirer goes round until the broker closes.
func (b *Broker) runExpirer() {
	for b.pause(expireEvery) {
		b.expireDue()
	}
}

// expireDue is one cycle.
func (b *Broker) expireDue() {
	part := turns{size: 16, most: mostExpired}
	var spent time.Duration
	ends := 0 // of databases, that it came to
	for ends <= state.Databases {
		looked, deleted := 0, 0
		appended := false
		b.hold(&part, func(looks int) {
			b.beginTurn()
			for looked < looks && ends <= state.Databases && b.mayExpire() {
				l, d, end := b.expireSome(looks - looked)
				looked, deleted = looked+l, deleted+d
				if end {
					ends++
				}
			}
			appended, b.appended = b.appended, false
			if looked == 0 {
				ends = state.Databases + 1
			}
		})
		if appended && !b.log.Commit() {
			b.log.Kick()
		}
		spent += part.held
		if spent > expireMuch || spent > expireLittle && deleted*expireMany < looked {
			break
		}
	}
	b.mu.Lock()
	b.expirer.spent += spent
	if spent > expireMuch {
		b.expirer.late++
	}
	b.mu.Unlock()
}

// mayExpire reports whether keys may be deleted now.
func (b *Broker) mayExpire() bool {
	return !b.expirer.off && !b.loading && !b.readOnly && !b.closed && !b.clientPause.active(b.turn) && b.log.Pending() < b.settings.logMaxPending
}

// expireSome looks at keys of one database, or at its hashes, and reports whether it has come to its end.
func (b *Broker) expireSome(looks int) (looked, deleted int, end bool) {
	e := &b.expirer
	b.tx.Begin(e.db, b.nowMS)
	if e.fields {
		var more bool
		e.hash, more, deleted = b.tx.ExpireFields(e.hash, looks)
		if looked, end = deleted, !more; more {
			looked = looks
		}
	} else {
		e.cursor, looked, deleted = b.tx.ExpireDue(e.cursor, looks)
		e.fields = e.cursor == (state.ExpiryCursor{})
	}
	b.commitRecord()
	if len(b.ready) > 0 {
		b.serveWaiters()
	}
	if end {
		e.fields = false
		e.db = (e.db + 1) % state.Databases
	}
	return looked, deleted, end
}
