package broker

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"time"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/resp"
)

// Errors of the dispatcher, in the words of the wire. Clients match their first words.
const (
	errNoAuth    command.Error = "NOAUTH Authentication required."
	errLoading   command.Error = "LOADING Redis is loading the dataset in memory"
	errDiskFull  command.Error = "MISCONF Errors writing to the log: the disk is nearly full. Commands that grow data are refused until space returns; deletes and trims are allowed."
	errReadOnly  command.Error = "MISCONF Errors writing to the log: a write failed and the log is read-only until the disk works again."
	errProtected command.Error = "DENIED Weir is running in protected mode: no password is set, so only loopback connections are accepted. Set requirepass, or turn protected-mode off if the network is trusted."
	errInternal  command.Error = "ERR internal error; the command changed nothing. The broker's log has the details"
)

// Serve runs the commands that one turn of an event loop found: all of them under one hold of the state lock, as if each
// were alone. It reports whether any of them appended to the log.
func (b handler) Serve(turn []*resp.Conn) (appended bool) {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		for _, c := range turn {
			c.Stall() // nothing runs any more, so that everything that ran is answered
		}
		return false
	}
	b.beginTurn()
	for _, c := range turn {
		if s, ok := c.Session.(*session); ok {
			b.serveSession(s)
		}
	}
	return b.unlock()
}

// Commit lets what turns of an event loop appended be written.
func (b handler) Commit() {
	if !b.log.Commit() {
		b.log.Kick()
	}
}

// beginTurn reads the clocks. What follows in the turn reads only the monotonic one, which is half as dear.
func (b *Broker) beginTurn() {
	b.turn, b.spent = time.Now(), 0
	b.turnMS = b.wallClock(b.turn).UnixMilli()
	b.nowMS = b.turnMS
}

// endTurn unlocks the state and lets what was appended under this hold of the lock be written.
func (b *Broker) endTurn() {
	if b.unlock() {
		handler{b}.Commit()
	}
}

// unlock unlocks the state, and reports whether anything was appended to the log under this hold of the lock.
func (b *Broker) unlock() (appended bool) {
	appended, b.appended = b.appended, false
	b.spiller.notice()
	b.mu.Unlock()
	return appended
}

// lookAhead prepares for the commands that a session has sent together: it has their keys looked at if the database has many, and
// what they name of one large collection. It returns how many commands it need not be called again for.
func (b *Broker) lookAhead(s *session) int {
	const step = resp.AheadWords
	if b.keyspace == nil {
		return state.WarmMost
	}
	words := b.words[:0]
	large := b.keyspace.Large(s.DB)
	if !large {
		words = words[: 0 : 2*step] // two commands tell whether to look at more
	}
	words = s.conn.Ahead(words)
	defer func() { clear(words) }()
	if large {
		b.tx.Warm(s.DB, words, step)
	}
	switch collection := b.tx.WarmElements(s.DB, words, step); {
	case collection && !large:
		words = s.conn.Ahead(b.words[:0])
		b.tx.WarmElements(s.DB, words, step)
	case !large && len(words) == 2*step:
		return state.WarmMost
	}
	return len(words) / step
}

// serveSession runs a session's complete commands until there is none left, or it is blocked, stalled or closing.
func (b *Broker) serveSession(s *session) {
	defer func() {
		if p := recover(); p != nil {
			b.containPanic(p, s)
			out := s.conn.Writer()
			out.Truncate(0) // what was written of the reply; the replies before it are sealed
			b.writeError(out, string(errInternal))
			s.conn.Seal(0)
			s.conn.CloseAfterReply()
		}
	}()
	for known := 0; ; known-- {
		if known <= 0 {
			known = b.lookAhead(s)
		}
		args, err := s.conn.Next()
		if err != nil {
			out := s.conn.Writer()
			b.writeError(out, "ERR "+err.Error())
			s.mute(out, 0)
			s.conn.Seal(0)
			s.conn.CloseAfterReply()
			return
		}
		if args == nil || !b.dispatch(s, args) {
			return
		}
	}
}

// dispatch runs one command, and reports whether the session may go on with the next.
func (b *Broker) dispatch(s *session, args [][]byte) bool {
	out := s.conn.Writer()
	spec, refusal := b.admit(s, args)
	if refusal != "" {
		b.history.letGo(&s.fetch)
		if spec != nil {
			spec.Metrics.Rejected++
		}
		mark := out.Mark()
		b.writeError(out, string(refusal))
		s.mute(out, mark)
		s.conn.Seal(0)
		return true
	}
	if b.clientPause.holds(spec, b.turn) {
		b.holdForPause(s)
		return false
	}
	sealed := spec.Flags&command.DenyOOM != 0 && b.spiller.full()
	if sealed || spec.Flags&command.Write != 0 && b.log.Pending() > b.settings.logMaxPending {
		b.spiller.stalled = b.spiller.stalled || sealed
		s.conn.Unread()
		s.conn.Stall()
		b.stats.stalls++
		return false
	}
	s.last = spec
	b.call = command.Call{Args: args, Out: out, Tx: b.tx, Session: &s.Session, NowMS: b.nowMS, Random: rand.Uint64N,
		ReadOnly: b.readOnly, MaxReply: command.MaxReply}
	b.tx.Begin(s.DB, b.nowMS)
	b.tx.Quietly(s.NoTouch)
	b.history.begin(s.fetch)
	if from, step, ok := spec.Keys.ToTheEnd(); ok && len(args) > from+step {
		b.tx.Warm(s.DB, args[from:], step)
	}
	mark := out.Mark()
	err := spec.Execute(&b.call)
	if err != nil {
		b.call.Wait = nil
		out.Truncate(mark)
		if b.cold(err) {
			b.spent = time.Since(b.turn)
			b.parkForBlocks(s)
			return false
		}
		b.refuse(spec, out, command.WireText(err))
	}
	wait := b.call.Wait
	if wait == nil {
		s.mute(out, mark)
	}
	if spec.Flags&command.NoAuth != 0 {
		s.conn.SetAuthenticated(s.Authenticated || b.settings.requirePass == "") // AUTH, HELLO and RESET change it
	}
	b.history.end()
	s.fetch = nil
	b.commitRecord()
	b.measure(spec)
	if wait != nil {
		b.park(s, spec, wait)
	}
	s.conn.Seal(b.tx.Dependency())
	if len(b.ready)+len(b.flushed) > 0 {
		b.serveWaiters()
	}
	return wait == nil
}

// measure adds the time since the last reading of the clock to a command, and makes this the next command's time.
func (b *Broker) measure(spec *command.Spec) {
	spent := time.Since(b.turn)
	spec.Metrics.Calls++
	spec.Metrics.Nanos += uint64(spent - b.spent)
	b.spent = spent
	b.nowMS = b.turnMS + spent.Milliseconds()
	b.stats.commands++
	if spec.Flags&(command.ReadOnly|command.Reads) != 0 && !b.loading {
		hits, misses := b.tx.Lookups()
		b.stats.hits += hits
		b.stats.misses += misses
	}
}

// commitRecord closes the record of the current unit of work, if it changed anything.
func (b *Broker) commitRecord() {
	record := b.tx.Record()
	if len(record) == 0 {
		return
	}
	b.expirer.expired += uint64(b.tx.Expired())
	b.tx.Committed(uint64(b.log.Append(record)))
	b.appended = true
	b.disk.written += int64(len(record))
	b.noteReady()
}

// admit finds a command and checks everything that can refuse it before it runs.
func (b *Broker) admit(s *session, args [][]byte) (*command.Spec, command.Error) {
	spec := b.table.Lookup(args[0])
	if spec == nil {
		return nil, unknownCommand(args)
	}
	if len(spec.Sub) > 0 && len(args) > 1 {
		sub := spec.Lookup(args[1])
		if sub == nil {
			return nil, command.UnknownSubcommand(spec, args[1])
		}
		spec = sub
	}
	if n := spec.Arity; n > 0 && len(args) != n || len(args) < -n || spec.Run == nil {
		return spec, command.WrongArity(spec)
	}
	if !s.Authenticated && b.settings.requirePass == "" {
		s.conn.SetAuthenticated(true) // the password was removed since it connected
	}
	switch {
	case !s.Authenticated && b.settings.requirePass != "" && spec.Flags&command.NoAuth == 0:
		return spec, errNoAuth
	case b.loading && spec.Flags&command.Loading == 0:
		return spec, errLoading
	case spec.Flags&command.Write != 0 && b.readOnly:
		return spec, errReadOnly
	case spec.Flags&command.DenyOOM != 0 && b.disk.low(),
		spec.Flags&(command.Write|command.Frees) == command.Write && b.disk.scarce():
		return spec, errDiskFull
	case spec.Flags&command.DenyOOM != 0 && b.spiller.refuses(b.turn):
		return spec, errSpill
	}
	return spec, ""
}

// unknownCommand is Redis's answer to a name that is not a command: it shows the name and the first arguments, 128 bytes of
// each, and, as C does, nothing after a zero byte.
func unknownCommand(args [][]byte) command.Error {
	const limit = 128
	clip := func(b []byte, n int) []byte {
		b, _, _ = bytes.Cut(b, []byte{0})
		return b[:min(len(b), n)]
	}
	var shown []byte
	for _, arg := range args[1:] {
		if len(shown) >= limit {
			break
		}
		shown = fmt.Appendf(shown, "'%s' ", clip(arg, limit-len(shown)))
	}
	return command.Errorf("ERR unknown command '%s', with args beginning with: %s", clip(args[0], limit), shown)
}

// refuse writes an error reply of a command that has run, and counts it.
func (b *Broker) refuse(spec *command.Spec, out *resp.Writer, text string) {
	spec.Metrics.Failed++
	b.writeError(out, text)
}

// writeError writes an error reply and counts it by its code.
func (b *Broker) writeError(out *resp.Writer, text string) {
	code, _, _ := strings.Cut(text, " ")
	b.countError(code)
	out.Error(text)
}

// maxErrorCodes bounds the error statistics: codes come from a fixed set today, but scripts may invent some.
const maxErrorCodes = 128

func (b *Broker) countError(code string) {
	if _, known := b.stats.errors[code]; known || len(b.stats.errors) < maxErrorCodes {
		b.stats.errors[code]++
	}
	b.stats.errorReplies++
}

// containPanic notes a command's panic, if the command has changed nothing. One that has changed something ends the
// process: memory would no longer be what the log says, and the log is right.
func (b *Broker) containPanic(p any, s *session) {
	if len(b.tx.Record()) > 0 {
		panic(p)
	}
	b.stats.panics++
	name := "unknown"
	if s.last != nil {
		name = s.last.FullName
	}
	b.logger.Error("a command panicked", "panic", p, "command", name, "client", s.Addr, "stack", string(debug.Stack()))
}
