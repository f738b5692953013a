package broker

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/weirmq/weir/internal/command/server"
	"github.com/weirmq/weir/log"
	"github.com/weirmq/weir/resp"
)

// settings are the options that CONFIG SET may change while the broker runs. The state lock guards them.
type settings struct {
	requirePass   string
	passwordHash  [sha256.Size]byte
	protectedMode bool
	sync          log.Sync
	logMaxPending int64
	maxClients    int
	timeout       time.Duration
	keepAlive     time.Duration
	limits        resp.Limits
	output        resp.OutputLimits

	streamCacheSize   int64
	checkpointLogSize int64
	save              []SaveRule

	list []server.Setting
}

func settingsOf(o Options) settings {
	s := settings{
		protectedMode: o.ProtectedMode,
		sync:          o.Sync,
		logMaxPending: o.LogMaxPending,
		maxClients:    o.MaxClients,
		timeout:       o.Timeout,
		keepAlive:     o.TCPKeepAlive,
		limits:        resp.Limits{MaxBulk: int(o.ProtoMaxBulkLen), MaxQueryBuffer: int(o.ClientQueryBufferLimit)},
		output:        o.OutputLimits,

		streamCacheSize:   o.StreamCacheSize,
		checkpointLogSize: o.CheckpointLogSize,
		save:              o.Save,
	}
	s.setPassword(o.RequirePass)
	return s
}

func (s *settings) setPassword(password string) {
	s.requirePass = password
	s.passwordHash = sha256.Sum256([]byte(password))
}

// authentic compares in constant time, whatever the lengths.
func (s *settings) authentic(password []byte) bool {
	given := sha256.Sum256(password)
	return subtle.ConstantTimeCompare(given[:], s.passwordHash[:]) == 1
}

// settingList is what CONFIG knows: real settings under Redis's names and Weir's own, and constants that tools ask for.
func (b *Broker) settingList() []server.Setting {
	s, o := &b.settings, b.options
	setLimit := func(limit *int, v int64) error {
		if v > resp.MostLimit {
			return fmt.Errorf("argument must be at most %d", int64(resp.MostLimit))
		}
		*limit = int(v)
		b.server.SetLimits(s.limits)
		return nil
	}
	sync := server.Enum("sync", []string{"everysec", "always", "no"},
		func() string { return s.sync.String() },
		func(word string) error {
			mode, err := log.ParseSync(word)
			if err == nil {
				s.sync = mode
				b.log.SetSync(mode)
			}
			return err
		})
	sync.Alias = "appendfsync"
	password := server.Text("requirepass", func() string { return s.requirePass }, func(v string) error {
		s.setPassword(v)
		return nil
	})
	seconds := func(d time.Duration) int64 { return int64(d / time.Second) }
	return append(constants(), []server.Setting{
		server.Constant("bind", strings.Join(o.Bind, " ")),
		server.Constant("port", strconv.Itoa(max(o.Port, 0))),
		server.Constant("tls-port", strconv.Itoa(max(o.TLSPort, 0))),
		server.Constant("unixsocket", o.UnixSocket),
		server.Constant("unixsocketperm", fmt.Sprintf("%o", o.UnixSocketPerm)),
		password,
		server.Bool("protected-mode", func() bool { return s.protectedMode }, func(v bool) error { s.protectedMode = v; return nil }),
		server.Integer("maxclients", 1, math.MaxUint32, func() int64 { return int64(s.maxClients) }, func(v int64) error {
			s.maxClients = b.server.SetMaxClients(int(v))
			return nil
		}),
		server.Integer("timeout", 0, math.MaxInt32, func() int64 { return seconds(s.timeout) }, func(v int64) error {
			s.timeout = time.Duration(v) * time.Second
			b.server.SetTimeout(s.timeout)
			return nil
		}),
		server.Integer("tcp-keepalive", 0, math.MaxInt32, func() int64 { return seconds(s.keepAlive) }, func(v int64) error {
			s.keepAlive = time.Duration(v) * time.Second
			b.server.SetKeepAlive(s.keepAlive)
			return nil
		}),
		server.Memory("proto-max-bulk-len", 1<<20, math.MaxInt64, func() int64 { return int64(s.limits.MaxBulk) }, func(v int64) error {
			return setLimit(&s.limits.MaxBulk, v)
		}),
		server.Memory("client-query-buffer-limit", 1<<20, math.MaxInt64, func() int64 { return int64(s.limits.MaxQueryBuffer) }, func(v int64) error {
			return setLimit(&s.limits.MaxQueryBuffer, v)
		}),
		server.Text("client-output-buffer-limit", func() string { return formatOutputLimits(s.output) }, func(v string) error {
			limits, err := ParseOutputLimits(s.output, v)
			if err != nil {
				return err
			}
			s.output = limits
			b.server.SetOutputLimits(limits)
			return nil
		}),
		sync,
		server.Protected("dir", o.Dir),
		server.Constant("loops", strconv.Itoa(max(o.Loops, 1))),
		server.Constant("log-segment-size", strconv.Itoa(o.LogSegmentSize)),
		server.Memory("log-max-pending", 1<<20, math.MaxInt64, func() int64 { return s.logMaxPending }, func(v int64) error {
			s.logMaxPending = v
			return nil
		}),
		server.Constant("disk-reserve", strconv.FormatInt(o.DiskReserve, 10)),
		server.Constant("stream-block-size", strconv.Itoa(o.StreamBlockSize)),
		server.Constant("stream-block-entries", strconv.Itoa(o.StreamBlockEntries)),
		server.Memory("stream-cache-size", 0, MostStreamCache, func() int64 { return s.streamCacheSize }, func(v int64) error {
			s.streamCacheSize = v
			b.history.setCacheSize(v)
			return nil
		}),
		server.Constant("stream-segment-size", strconv.FormatInt(o.StreamSegmentSize, 10)),
		server.Memory("checkpoint-log-size", LeastCheckpointLog, MostCheckpointLog, func() int64 { return s.checkpointLogSize }, func(v int64) error {
			s.checkpointLogSize = v
			return nil
		}),
		server.Text("save", func() string { return FormatSaveRules(s.save) }, func(v string) error {
			rules, err := ParseSaveRules(v)
			if err == nil {
				s.save = rules
			}
			return err
		}),
	}...)
}

// alwaysSo is what cannot be set, under the names that tools ask for. Values become large where Redis's do.
var alwaysSo = []struct{ name, alias, value string }{
	{"databases", "", "16"}, {"appendonly", "", "yes"}, {"cluster-enabled", "", "no"},
	{"maxmemory", "", "0"}, {"maxmemory-policy", "", "noeviction"}, {"maxmemory-samples", "", "5"}, {"maxmemory-clients", "", "0"},
	{"lfu-log-factor", "", "10"}, {"lfu-decay-time", "", "1"},
	{"hash-max-listpack-entries", "hash-max-ziplist-entries", "512"}, {"hash-max-listpack-value", "hash-max-ziplist-value", "64"},
	{"set-max-intset-entries", "", "512"},
	{"zset-max-listpack-entries", "zset-max-ziplist-entries", "128"}, {"zset-max-listpack-value", "zset-max-ziplist-value", "64"},
	{"list-max-listpack-size", "list-max-ziplist-size", "-2"}, {"list-compress-depth", "", "0"},
	{"stream-node-max-bytes", "", "4096"}, {"stream-node-max-entries", "", "100"}, {"hll-sparse-max-bytes", "", "3000"},
	{"hz", "", "10"}, {"dynamic-hz", "", "yes"}, {"active-expire-effort", "", "1"}, {"activedefrag", "", "no"}, {"activerehashing", "", "yes"},
	{"lazyfree-lazy-eviction", "", "yes"}, {"lazyfree-lazy-expire", "", "yes"}, {"lazyfree-lazy-server-del", "", "yes"},
	{"lazyfree-lazy-user-del", "", "yes"}, {"lazyfree-lazy-user-flush", "", "yes"},
	{"notify-keyspace-events", "", ""}, {"replica-read-only", "slave-read-only", "yes"}, {"replicaof", "slaveof", ""},
	{"min-replicas-to-write", "min-slaves-to-write", "0"}, {"io-threads", "", "1"},
}

func constants() []server.Setting {
	var list []server.Setting
	for _, c := range alwaysSo {
		s := server.Constant(c.name, c.value)
		s.Alias = c.alias
		list = append(list, s)
	}
	return list
}

// Bounds of settings that are sizes.
const (
	MostStreamCache    = 1 << 40
	LeastStreamSegment = 64 << 10
	MostStreamSegment  = 1 << 30
	LeastCheckpointLog = 64 << 10
	MostCheckpointLog  = 1 << 40
)

// SaveRule asks for a checkpoint once so many records were written since the last one, and so many seconds have passed.
type SaveRule struct{ Seconds, Changes int64 }

// ParseSaveRules reads rules in Redis's notation, "seconds changes" for each, all of them divided by one blank.
func ParseSaveRules(text string) (rules []SaveRule, err error) {
	if text == "" {
		return nil, nil
	}
	invalid := errors.New("Invalid save parameters") //nolint:staticcheck // Redis's words
	words := strings.Split(text, " ")
	if len(words)%2 != 0 {
		return nil, invalid
	}
	for ; len(words) > 0; words = words[2:] {
		seconds, err := strconv.ParseInt(words[0], 10, 32)
		if err != nil || seconds < 1 {
			return nil, invalid
		}
		changes, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil || changes < 0 {
			return nil, invalid
		}
		rules = append(rules, SaveRule{seconds, changes})
	}
	return rules, nil
}

// FormatSaveRules is the reverse of ParseSaveRules.
func FormatSaveRules(rules []SaveRule) string {
	var words []string
	for _, r := range rules {
		words = append(words, fmt.Sprintf("%d %d", r.Seconds, r.Changes))
	}
	return strings.Join(words, " ")
}

var outputClasses = []string{resp.Normal: "normal", resp.PubSub: "pubsub", resp.Replica: "slave"}

// outputOrder is the order in which Redis shows the classes.
var outputOrder = []resp.Class{resp.Normal, resp.Replica, resp.PubSub}

func formatOutputLimits(limits resp.OutputLimits) string {
	var parts []string
	for _, class := range outputOrder {
		l := limits[class]
		parts = append(parts, fmt.Sprintf("%s %d %d %d", outputClasses[class], l.Hard, l.Soft, l.SoftFor/time.Second))
	}
	return strings.Join(parts, " ")
}

// ParseOutputLimits reads limits in Redis's notation, "class hard soft seconds" for one or more classes, and returns them
// with the classes that are not named as in limits. Classes are normal, pubsub and replica (or slave); hard and soft are
// bytes and may have a unit; 0 is no limit.
func ParseOutputLimits(limits resp.OutputLimits, text string) (resp.OutputLimits, error) {
	words := strings.Fields(text)
	if len(words)%4 != 0 {
		return limits, fmt.Errorf("Wrong number of arguments in buffer limit configuration.") //nolint:staticcheck // Redis's words
	}
	for ; len(words) > 0; words = words[4:] {
		class := -1
		for i, name := range outputClasses {
			if strings.EqualFold(words[0], name) || i == int(resp.Replica) && strings.EqualFold(words[0], "replica") {
				class = i
			}
		}
		if class < 0 {
			return limits, fmt.Errorf("Invalid client class specified in buffer limit configuration.") //nolint:staticcheck // Redis's words
		}
		hard, okHard := server.ParseMemory(words[1])
		soft, okSoft := server.ParseMemory(words[2])
		seconds, err := strconv.ParseInt(words[3], 10, 32)
		if !okHard || !okSoft || err != nil || hard < 0 || soft < 0 || seconds < 0 {
			return limits, fmt.Errorf("Error in hard, soft or soft_seconds setting in buffer limit configuration.") //nolint:staticcheck // Redis's words
		}
		limits[class] = resp.OutputLimit{Hard: hard, Soft: soft, SoftFor: time.Duration(seconds) * time.Second}
	}
	return limits, nil
}
