package broker

import (
	"fmt"
	"runtime/debug"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/command/server"
	"github.com/weirmq/weir/resp"
	"github.com/weirmq/weir/stream/store"
)

// Save asks for a checkpoint (server.Host).
func (h serverHost) Save() error {
	if err := h.maySave(); err != nil {
		return err
	}
	h.checkpointer.want(nil)
	return nil
}

func (h serverHost) maySave() error {
	switch {
	case h.checkpointer.running != nil || h.checkpointer.wanted:
		return server.ErrSaving
	case h.readOnly:
		return errReadOnly
	}
	return nil
}

// SaveAndWait asks for a checkpoint and has the session wait for it.
func (h serverHost) SaveAndWait(c *command.Call, reply server.SaveReply) error {
	if err := h.maySave(); err != nil {
		return err
	}
	return h.saveFor(c, func(_ *session, out *resp.Writer, err error) { reply(out, err) })
}

// saveFor parks a session until there is a checkpoint, or none could be made.
func (h serverHost) saveFor(c *command.Call, reply func(*session, *resp.Writer, error)) error {
	b, id := h.Broker, c.Session.ID
	b.checkpointer.asked++
	class := fmt.Sprint("checkpoint ", b.checkpointer.asked) // of this wait alone
	b.checkpointer.want(func(err error) {
		s := b.sessions[id]
		if s == nil || s.waiter == nil || s.waiter.class != class {
			return
		}
		w := s.waiter
		b.forget(w)
		b.answer(w, w.dependency, func(out *resp.Writer) { reply(s, out, err) })
	})
	c.Block(command.Wait{
		Class: class,
		Again: func() func(*command.Call) (bool, error) {
			return func(*command.Call) (bool, error) { return false, nil }
		},
		Timeout: func(out *resp.Writer) { b.writeError(out, errUnblocked) },
	})
	return nil
}

// LastSave returns when the newest checkpoint was made.
func (h serverHost) LastSave() int64 { return h.lastSave() }

func (b *Broker) lastSave() int64 {
	if kept := b.checkpointer.kept; len(kept) > 0 {
		return kept[0].UnixMS / 1000
	}
	return b.started.Unix()
}

// BackupBegin makes a checkpoint, after the one that is being made if there is, and from then on nothing is removed that it, or the log behind it, consists of.
func (h serverHost) BackupBegin(c *command.Call, reply server.BackupReply) error {
	b := h.Broker
	switch {
	case b.sessions[c.Session.ID].backup:
		return server.ErrBackup
	case b.readOnly:
		return errReadOnly
	}
	return h.saveFor(c, func(s *session, out *resp.Writer, err error) {
		if err != nil {
			reply(out, nil, err)
			return
		}
		s.backup = true
		b.checkpointer.pins++
		reply(out, b.backupFiles(), nil)
	})
}

// backupFiles lists what a copy of the newest checkpoint and of all that is durable consists of.
func (b *Broker) backupFiles() []server.BackupFile {
	var files []server.BackupFile
	for _, f := range b.log.Files() {
		files = append(files, server.BackupFile{Name: f.Name, Length: f.Size})
	}
	newest := b.checkpointer.kept[0]
	for _, s := range b.history.store.Segments() {
		if end, ok := newest.segments[s.Number]; ok {
			files = append(files, server.BackupFile{Name: store.Name(s.Number), Length: end})
		}
	}
	return append(files, server.BackupFile{Name: newest.file, Length: newest.bytes})
}

// BackupEnd lets go of the files.
func (h serverHost) BackupEnd(c *command.Call) error {
	s := h.sessions[c.Session.ID]
	if !s.backup {
		return server.ErrNoBackup
	}
	h.endBackup(s)
	return nil
}

// endBackup ends a session's backup, if it has begun one.
func (b *Broker) endBackup(s *session) {
	if s.backup {
		s.backup = false
		b.checkpointer.pins--
		b.checkpointer.rouse() // to remove what waited for this
	}
}

// ReleaseMemory gives memory back beside the lock: the runtime stops the world for some of it only.
func (h serverHost) ReleaseMemory() { go debug.FreeOSMemory() }
