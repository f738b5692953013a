package server

// Info is everything that INFO shows and that differs from process to process. Fields are filled with what is true;
// what cannot be true of Weir (fork, replication, eviction, ...) is a constant of the section that shows it, and stands
// there with its reason. Sizes are bytes.
type Info struct {
	// Server
	Version        string // Weir's
	GitSHA         string // first 8 hex digits of the commit it was built from, zeros if unknown
	GitDirty       bool
	BuildID        string // hexadecimal
	OS             string // "Linux 6.1.0 x86_64"
	GoVersion      string
	Multiplexing   string // "epoll", or "goroutine" where there are no event loops
	ProcessID      int
	RunID          string // 40 hex digits, random per process
	TCPPort        int
	UptimeSeconds  int64
	Executable     string
	ConfigFile     string
	Loops          int // event loops
	ShutdownInMS   int64
	ShuttingDown   bool
	NowMicros      int64
	DataDir        string
	DiskFreeBytes  int64
	DiskReserve    int64
	ReadOnlyReason string // why writes are refused at the moment, or empty

	// Clients
	ConnectedClients int
	MaxClients       int
	BlockedClients   int
	TimeoutTable     int   // blocked clients with a deadline
	MaxInputBuffer   int64 // largest query buffer seen lately
	MaxOutputBuffer  int64 // largest output queue seen lately
	PubSubClients    int
	WatchingClients  int
	HeldClients      int   // sessions with output that waits for the log
	HeldBytes        int64 // that output

	// Memory
	UsedMemory        int64 // live heap and stacks
	UsedMemoryPeak    int64
	UsedMemoryStartup int64
	UsedMemoryRSS     int64
	HeapAllocated     int64 // runtime/metrics: /memory/classes/heap/objects
	HeapActive        int64 // objects and free room in spans
	HeapResident      int64 // heap mapped and not returned to the system
	TotalSystemMemory int64
	ClientsMemory     int64 // buffers of normal clients
	LogPendingMemory  int64 // records that wait to be written
	GCCycles          uint64

	// What streams hold. Their memory is that of open blocks, of sealed ones that wait for the spiller, and of the
	// bookkeeping for those that do not hold their content themselves.
	StreamMemory  int64
	StreamBacklog int64 // of that: sealed blocks that are not in a segment file yet
	StreamBlocks  int64 // open, waiting and on disk
	StreamDisk    int64 // bytes of blocks in segment files that are alive
	CacheMemory   int64 // blocks read from segment files
	CacheBlocks   int64
	CacheLimit    int64
	HeldMemory    int64 // blocks that are kept for commands that wait for more of them

	// Persistence
	Loading          bool
	LoadStartSeconds int64 // unix; while Loading
	LoadTotalBytes   int64
	LoadLoadedBytes  int64
	LoadETASeconds   int64
	LoadedRecords    uint64 // records replayed at the start
	LoadSeconds      float64
	ChangesSinceSave uint64 // records since the last checkpoint, or since the start
	LastSaveSeconds  int64  // unix time of the last checkpoint, or of the start
	Sync             string // always, everysec, no
	LogBytes         int64  // size of the log on disk
	LogBaseBytes     int64  // its size at the start
	LogPendingBytes  int64  // appended and not yet written
	LogWritten       uint64 // positions
	LogDurable       uint64
	LogFrames        uint64 // since the start or CONFIG RESETSTAT
	LogRecords       uint64
	LogSyncs         uint64
	LogSyncMicros    uint64 // spent in fsync
	LogDelayedSyncs  uint64 // once-a-second syncs that took longer than that
	LogWriteOK       bool   // the last write and fsync succeeded
	LogFirst         uint64 // the first position that is still in the log

	// Checkpoints: the one that is being made, and the last one.
	Saving                bool
	SavingSeconds         int64 // for how long already
	SavingKeys            int64 // copied so far
	SavingKeysTotal       int64
	Saves                 uint64 // made since the start
	SaveFailed            bool   // the last one
	SaveSeconds           int64  // that it took
	CheckpointPosition    uint64
	CheckpointBytes       int64
	CheckpointSeconds     float64
	CheckpointPauseMicros int64  // the longest time for which it held the lock
	LoadedKeys            uint64 // from the checkpoint that was loaded at the start

	// Segment files, and the reads of what is in them.
	SegmentFiles  int64
	SegmentBytes  int64 // of the files
	SegmentLive   int64 // of these: blocks that are alive
	SegmentDead   int64
	SpilledBlocks uint64 // since the start or CONFIG RESETSTAT
	SpilledBytes  uint64
	BacklogBlocks int64
	SpillError    string // why spilling fails at the moment, or empty
	ColdCommands  uint64 // that had to wait for a block
	ColdBlocks    uint64 // blocks that were read for them
	ColdBytes     uint64
	CacheHits     uint64
	CacheMisses   uint64
	LostBlocks    uint64 // reads that found a damaged block

	// Stats
	ConnectionsReceived    uint64
	CommandsProcessed      uint64
	OpsPerSecond           uint64
	NetInBytes             uint64
	NetOutBytes            uint64
	NetInPerSecond         float64 // bytes
	NetOutPerSecond        float64
	RejectedConnections    uint64
	ExpiredKeys            uint64
	ExpireLate             uint64 // times that there were more of them than could be deleted
	ExpireMicros           uint64 // spent on deleting them in the background
	KeyspaceHits           uint64
	KeyspaceMisses         uint64
	PubSubChannels         int
	PubSubPatterns         int
	UnexpectedErrors       uint64 // panics that were caught
	ErrorReplies           uint64
	ReadsProcessed         uint64
	WritesProcessed        uint64
	QueryLimitDisconnects  uint64
	OutputLimitDisconnects uint64
	ProtocolErrors         uint64
	AuthFailures           uint64

	// CPU, in seconds
	CPUSys, CPUUser                     float64
	CPUSysChildren, CPUUserChildren     float64
	CPUSysMainThread, CPUUserMainThread float64 // of the event loops, 0 if unknown

	// Errorstats: how often each error code was replied.
	Errors map[string]uint64

	// Keyspace: databases that hold keys, by rising number.
	Databases []Database
}

// dataset is the memory that values hold, what is at hand of their files included.
func (i *Info) dataset() int64 { return i.StreamMemory + i.CacheMemory + i.HeldMemory }

// Database is one line of the keyspace section.
type Database struct {
	Number     int
	Keys       int
	Expires    int
	AverageTTL int64 // ms
}
