package broker

import (
	"crypto/rand"
	"encoding/hex"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/command/server"
	"github.com/weirmq/weir/internal/state"
)

// serverHost is what the server commands need of the broker (server.Host). The state lock is held.
type serverHost struct{ *Broker }

func (h serverHost) Table() *command.Table { return h.table }

func (h serverHost) Settings() []server.Setting { return h.settings.list }

func (h serverHost) NowMicros() int64 { return h.wallClock(time.Now()).UnixMicro() }

func (h serverHost) SetActiveExpire(on bool) { h.expirer.off = !on }

func (h serverHost) ResetStats() {
	h.expirer.expired, h.expirer.late, h.expirer.spent = 0, 0, 0
	h.stats = stats{errors: map[string]uint64{}, memoryPeak: h.stats.memoryPeak}
	h.baseline.log, h.baseline.net = h.log.Stats(), h.server.Stats()
	if h.history.store != nil {
		h.baseline.blocks = h.history.store.Stats()
	}
	h.history.coldStats = coldStats{}
	h.rates.at = time.Time{}
}

// Shutdown ends the process. Everything that was acknowledged is in the log already; with NOSAVE the next start has it to
// replay.
func (h serverHost) Shutdown(how server.Shutdown) error {
	if !how.Force && !how.NoSave && h.log.Err() != nil {
		return command.Error("ERR Errors trying to SHUTDOWN. Check logs.")
	}
	h.noSave = how.NoSave
	h.endLocked(nil)
	return nil
}

// AbortShutdown cannot succeed: the end begins at once and does not wait for anything that could be called off.
func (h serverHost) AbortShutdown() bool { return false }

// identity is what INFO says about the process and never changes.
type identity struct {
	runID, buildID, gitSHA string
	gitDirty               bool
	system, executable     string
	startupMemory          int64
	totalMemory            int64
}

func newIdentity() identity {
	id := identity{system: systemName(), gitSHA: "00000000", buildID: "0", totalMemory: totalMemory()}
	var random [20]byte
	_, _ = rand.Read(random[:]) // never fails
	id.runID = hex.EncodeToString(random[:])
	id.executable, _ = os.Executable()
	id.startupMemory = int64(readMetrics().used)
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, s := range build.Settings {
			switch {
			case s.Key == "vcs.revision" && len(s.Value) >= 16:
				id.gitSHA, id.buildID = s.Value[:8], s.Value[:16]
			case s.Key == "vcs.modified":
				id.gitDirty = s.Value == "true"
			}
		}
	}
	return id
}

// memory is what the Go runtime says about itself, in bytes. Objects, and so what is used, include those that are dead and
// not yet collected.
type memory struct {
	objects, unused, mapped, released, total, used uint64
	cycles                                         uint64
}

func readMetrics() memory {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"},
		{Name: "/gc/cycles/total:gc-cycles"},
	}
	metrics.Read(samples)
	v := func(i int) uint64 { return samples[i].Value.Uint64() }
	return memory{
		objects: v(0), unused: v(1), total: v(2), released: v(3), mapped: v(0) + v(1) + v(4),
		used: v(0) + v(5), cycles: v(6),
	}
}

// Info measures everything that INFO shows.
func (h serverHost) Info() server.Info {
	var i server.Info
	now := time.Now()
	h.infoProcess(&i, now)
	h.infoClients(&i)
	h.infoMemory(&i)
	h.infoPersistence(&i)
	h.infoStats(&i)
	if !h.loading {
		for db := range state.Databases {
			if n := h.keyspace.Len(db); n > 0 {
				i.Databases = append(i.Databases, server.Database{
					Number: db, Keys: n, Expires: h.keyspace.Expires(db), AverageTTL: h.keyspace.AverageTTL(db, h.nowMS),
				})
			}
		}
	}
	return i
}

func (b *Broker) infoProcess(i *server.Info, now time.Time) {
	id := &b.identity
	i.Version, i.GitSHA, i.GitDirty, i.BuildID = b.options.Version, id.gitSHA, id.gitDirty, id.buildID
	i.OS, i.GoVersion, i.RunID, i.Executable = id.system, runtime.Version(), id.runID, id.executable
	i.Multiplexing = b.multiplexing()
	i.ProcessID, i.TCPPort = os.Getpid(), max(b.options.Port, 0)
	i.UptimeSeconds = int64(now.Sub(b.started).Seconds())
	i.ConfigFile, i.DataDir = b.options.ConfigFile, b.options.Dir
	i.Loops, i.NowMicros = max(b.options.Loops, 1), b.wallClock(now).UnixMicro()
	i.DiskFreeBytes, i.DiskReserve = b.disk.free, b.disk.reserve
	switch {
	case b.readOnly:
		i.ReadOnlyReason = "the log has failed"
	case b.disk.low():
		i.ReadOnlyReason = "the disk is nearly full"
	}
	i.CPUSys, i.CPUUser = usage(false)
	i.CPUSysChildren, i.CPUUserChildren = usage(true)
}

// multiplexing names how connections are served.
func (b *Broker) multiplexing() string {
	if runtime.GOOS == "linux" && !b.options.Goroutines {
		return "epoll"
	}
	return "goroutine"
}

func (b *Broker) infoClients(i *server.Info) {
	i.ConnectedClients, i.MaxClients = len(b.sessions), b.settings.maxClients
	i.BlockedClients, i.TimeoutTable = b.waiters.count+len(b.clientPause.waiting), b.waiters.timed
	for _, s := range b.sessions {
		c := s.conn.Info()
		i.MaxInputBuffer = max(i.MaxInputBuffer, int64(c.QueryBuffer))
		i.MaxOutputBuffer = max(i.MaxOutputBuffer, int64(c.OutputBytes))
		i.ClientsMemory += int64(c.TotalMemory)
		if c.Held {
			i.HeldClients++
			i.HeldBytes += int64(c.OutputBytes)
		}
	}
}

func (b *Broker) infoMemory(i *server.Info) {
	m := readMetrics()
	i.UsedMemory = int64(m.used)
	b.stats.memoryPeak = max(b.stats.memoryPeak, i.UsedMemory)
	i.UsedMemoryPeak, i.UsedMemoryStartup = b.stats.memoryPeak, b.identity.startupMemory
	i.UsedMemoryRSS = residentMemory(int64(m.total - m.released))
	i.HeapAllocated, i.HeapActive, i.HeapResident = int64(m.objects), int64(m.objects+m.unused), int64(m.mapped)
	i.TotalSystemMemory = b.identity.totalMemory
	i.LogPendingMemory, i.GCCycles = b.log.Pending(), m.cycles
}

func (b *Broker) infoPersistence(i *server.Info) {
	l, base := b.log.Stats(), b.baseline.log
	i.Loading, i.LoadStartSeconds = b.loading, b.started.Unix()
	i.LoadedRecords, i.LoadSeconds = b.recovery.records, b.recovery.duration.Seconds()
	i.LoadedKeys = uint64(b.recovery.keys)
	i.Sync = b.settings.sync.String()
	i.LogBytes, i.LogBaseBytes, i.LogPendingBytes = l.LogBytes, b.baseline.logBytes, l.PendingBytes
	i.LogWritten, i.LogDurable = uint64(b.log.Written()), uint64(b.log.Durable())
	i.LogFrames, i.LogRecords, i.LogSyncs = l.Frames-base.Frames, l.Records-base.Records, l.Fsyncs-base.Fsyncs
	i.LogSyncMicros = uint64((l.FsyncTime - base.FsyncTime).Microseconds())
	i.LogDelayedSyncs = l.DelayedFsyncs - base.DelayedFsyncs
	i.LogWriteOK = !b.readOnly && b.log.Err() == nil
	i.LogFirst = uint64(b.log.First())
	b.infoCheckpoints(i, int64(l.Records))
	if b.loading {
		b.infoLoading(i)
		return
	}
	b.infoHistory(i)
}

func (b *Broker) infoCheckpoints(i *server.Info, records int64) {
	c := &b.checkpointer
	i.ChangesSinceSave, i.LastSaveSeconds = uint64(records-c.logRecords), b.lastSave()
	i.Saving = c.wanted
	if now := c.running; now != nil {
		i.Saving, i.SavingSeconds = true, int64(time.Since(now.begun).Seconds())
		i.SavingKeys, i.SavingKeysTotal = min(now.keys, now.total), now.total
	}
	i.Saves, i.SaveFailed, i.SaveSeconds = c.made, c.err != nil, -1
	if c.made > 0 {
		i.SaveSeconds, i.CheckpointSeconds = int64(c.duration.Seconds()), c.duration.Seconds()
	}
	i.CheckpointPauseMicros = c.last.pause.Microseconds()
	if len(c.kept) > 0 {
		i.CheckpointPosition, i.CheckpointBytes = c.kept[0].Position, c.kept[0].bytes
	}
}

// infoHistory tells of the segment files, and of who waits for what is in them.
func (b *Broker) infoHistory(i *server.Info) {
	h, totals, s := &b.history, b.spiller.totals, b.history.store.Stats()
	i.StreamMemory, i.StreamBacklog = totals.Memory, totals.SealedBytes
	i.StreamBlocks, i.StreamDisk = totals.Blocks, totals.Disk
	i.CacheMemory, i.CacheBlocks, i.CacheLimit = int64(s.CacheBytes), int64(s.CacheBlocks), int64(s.CacheMax)
	i.HeldMemory = h.held
	i.SegmentFiles, i.SegmentBytes = int64(s.Segments), s.SegmentBytes
	i.SegmentLive, i.SegmentDead = totals.Disk, max(s.SegmentBytes-totals.Disk, 0)
	base := &b.baseline.blocks
	i.SpilledBlocks, i.SpilledBytes = s.Written-base.Written, s.WrittenBytes-base.WrittenBytes
	i.CacheHits, i.CacheMisses = s.Hits-base.Hits, s.Misses-base.Misses
	i.BacklogBlocks = int64(len(totals.Sealed))
	if b.spiller.failure != nil {
		i.SpillError = b.spiller.failure.Error()
	}
	i.ColdCommands, i.ColdBlocks, i.ColdBytes, i.LostBlocks = h.commands, h.blocks, h.bytes, h.lost
}

// infoLoading tells how far reading the state is: in records, and in bytes of the checkpoint and of records against those of
// the files, which are some more.
func (b *Broker) infoLoading(i *server.Info) {
	r := &b.recovery
	i.LoadedRecords = r.replayed.Load()
	i.LoadLoadedBytes, i.LoadTotalBytes = r.loaded.Load(), r.total.Load()
	elapsed := time.Since(time.Unix(0, r.begun.Load()))
	i.LoadStartSeconds = b.wallClock(time.Now()).Add(-elapsed).Unix()
	if i.LoadLoadedBytes > 0 {
		left := float64(max(i.LoadTotalBytes-i.LoadLoadedBytes, 0)) / float64(i.LoadLoadedBytes)
		i.LoadETASeconds = int64(elapsed.Seconds() * left)
	}
}

func (b *Broker) infoStats(i *server.Info) {
	n, base, s := b.server.Stats(), b.baseline.net, &b.stats
	i.ConnectionsReceived = uint64(n.Accepted - base.Accepted)
	i.RejectedConnections = uint64(n.Rejected - base.Rejected)
	i.NetInBytes, i.NetOutBytes = n.NetIn-base.NetIn, n.NetOut-base.NetOut
	i.ReadsProcessed, i.WritesProcessed = n.Reads-base.Reads, n.Writes-base.Writes
	i.QueryLimitDisconnects = n.QueryBufferKills - base.QueryBufferKills
	i.OutputLimitDisconnects = n.OutputBufferKills - base.OutputBufferKills
	i.ProtocolErrors = n.ProtocolErrors - base.ProtocolErrors
	i.CommandsProcessed, i.ErrorReplies, i.Errors = s.commands, s.errorReplies, s.errors
	i.KeyspaceHits, i.KeyspaceMisses = s.hits, s.misses
	i.ExpiredKeys, i.ExpireLate, i.ExpireMicros = b.expirer.expired, b.expirer.late, uint64(b.expirer.spent.Microseconds())
	i.UnexpectedErrors, i.AuthFailures = s.panics, s.authFailures
	i.OpsPerSecond, i.NetInPerSecond, i.NetOutPerSecond = b.rates.commands, b.rates.in, b.rates.out
}

// rates are averages over the last full second.
type rates struct {
	commands uint64
	in, out  float64

	at                      time.Time
	commandsAt, inAt, outAt uint64
}

// sample updates the rates; Serve calls it once a second.
func (b *Broker) sample() {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, n, r := time.Now(), b.server.Stats(), &b.rates
	if elapsed := now.Sub(r.at).Seconds(); !r.at.IsZero() && elapsed > 0 && b.stats.commands >= r.commandsAt && n.NetIn >= r.inAt && n.NetOut >= r.outAt {
		r.commands = uint64(float64(b.stats.commands-r.commandsAt) / elapsed)
		r.in, r.out = float64(n.NetIn-r.inAt)/elapsed, float64(n.NetOut-r.outAt)/elapsed
	}
	r.at, r.commandsAt, r.inAt, r.outAt = now, b.stats.commands, n.NetIn, n.NetOut
}
