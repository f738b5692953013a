package fuzz

import (
	"slices"
	"strconv"
	"strings"

	"github.com/weirmq/weir/internal/oracle"
)

// gone are the errors of a blocked XREADGROUP whose stream or group went, or made way for something else.
// docs/compat.md, blocked reads: Weir has the one of 7.2.
var gone = []string{
	"UNBLOCKED the stream key no longer exists",
	"NOGROUP the consumer group this client was blocked on no longer exists",
	"NOGROUP No such key ",
	"WRONGTYPE ",
}

// normaliseWoken is normalise for a client that was blocked.
func normaliseWoken(args []string, r oracle.Reply) string {
	if strings.EqualFold(args[0], "xreadgroup") && r.IsError() && slices.ContainsFunc(gone, func(text string) bool { return strings.HasPrefix(r.Text, text) }) {
		return "-<the stream or its group is gone>"
	}
	return normalise(args, r)
}

// normalise takes out what two correct servers may answer differently.
func normalise(args []string, r oracle.Reply) string {
	rules := "ids" // XADD * without a future ID before it takes the clock
	special, ok := familyRules(args)
	switch name := strings.ToLower(args[0]); {
	case r.IsError():
	case name == "expiretime":
		r = nearTimes(r, 1)
	case name == "pexpiretime":
		r = nearTimes(r, 1000)
	case ok:
		rules = special
	case name == "xpending":
		rules += ";minutes"
	case name == "keys":
		rules += ";sorted"
	case name == "scan" && slices.Equal(args[1:min(4, len(args))], []string{"0", "COUNT", "1000"}):
		rules += ";sorted"
	case name == "scan": // a part of the keys, in an order of the server's own
		rules = "kind"
	case name == "xinfo": // how a server stores entries is its own affair
		rules += ";mask radix-tree-keys radix-tree-nodes"
		// docs/compat.md, consumer groups: inactive and active-time are of 7.2; Weir's
		// lag is exact, which CheckLag looks at.
		rules += ";minutes;drop inactive active-time lag"
	case name == "hello":
		rules += ";mask version id"
	case name == "info" || name == "command" && !isGetKeys(args), name == "config", name == "client" && !isOneLine(args):
		rules = "kind"
	case name == "time":
		rules = "shape"
	}
	if strings.EqualFold(args[0], "info") && len(args) == 2 && strings.EqualFold(args[1], "keyspace") {
		rules = "ids"
	}
	return oracle.Normalise(r, rules).String()
}

func isGetKeys(args []string) bool { return len(args) > 1 && strings.EqualFold(args[1], "getkeys") }

func isOneLine(args []string) bool {
	return len(args) > 1 && slices.Contains([]string{"getname", "setname", "unblock"}, strings.ToLower(args[1]))
}

// mayBlock says whether a command can leave its client blocked.
func mayBlock(args []string) bool {
	if slices.Contains(blockingPops, strings.ToLower(args[0])) {
		return true
	}
	isRead := strings.EqualFold(args[0], "xread") || strings.EqualFold(args[0], "xreadgroup")
	return isRead && slices.ContainsFunc(args, func(a string) bool { return strings.EqualFold(a, "block") })
}

// skip names the commands whose replies differ on purpose. blocked are the
// commands of the clients that wait now.
func skip(args []string, blocked map[int][]string) bool {
	waiting := len(blocked) > 0
	name := strings.ToLower(args[0])
	has := func(words ...string) bool {
		return slices.ContainsFunc(args[1:], func(a string) bool { return slices.Contains(words, strings.ToLower(a)) })
	}
	switch {
	case waiting && name == "xadd" && has("maxlen", "minid"):
		return true // docs/compat.md, blocked reads: redis 7.0 wakes them for an entry that is gone
	case mayBlock(args) && count(args, "block") > 1:
		return true // which of them is the option, and so when the read ends, is not for us to say
	case (name == "xread" || name == "xreadgroup") && mayBlock(args) && repeats(args):
		return true // docs/compat.md, blocked reads: a key named twice
	case slices.Contains(blockingPops, name) && timeoutOf(args) > 0.01 && timeoutOf(args) < 1e6:
		return true // it would end by itself while others go on
	case name == "xread" && has("+"):
		return true // docs/compat.md, newer than 7.0: the ID +
	case name == "xsetid" && has("9223372036854775807"):
		return true // docs/compat.md, entries-added: redis lets it overflow below zero
	case waiting && name == "xsetid", name == "xgroup" && has("destroy") && wakesOthers(args, blocked):
		return true // docs/compat.md, blocked reads: redis 7.0 wakes them although there is no entry
	case waiting && name == "set" && readsSeveral(blocked):
		return true // docs/compat.md, blocked reads: the read runs again, for all of its keys, and this is no stream
	case slices.ContainsFunc(storesAt(args), func(key string) bool { return isWaitedFor(key, blocked) }):
		return true // docs/compat.md, blocked reads: what was there may have been of another kind
	case waiting && name == "xgroup" && has("setid", "delconsumer"):
		return true // docs/compat.md, blocked reads: the read runs again, for all of its keys, and makes its consumer
	case name == "xclaim" && has("9223372036854775807") && has("retrycount"):
		return true // docs/compat.md, consumer groups: redis lets numbers of deliveries overflow below zero
	case name == "xclaim" && (between(args, 4, 0, 100_000) || between(args, option(args, "idle"), 1000, 100_000)),
		name == "xautoclaim" && between(args, 4, 0, 100_000), name == "xpending" && between(args, option(args, "idle"), 0, 100_000):
		return true // how long entries have been idle depends on the speed of the servers
	case name == "sync":
		return true // not there yet
	case (name == "xinfo" || name == "xgroup") && has("help"):
		return true // docs/compat.md, server: texts for people
	case name == "client" && !has("setname", "getname", "unblock") && len(args) > 2:
		return true // others would change what this client is
	case name == "config" && has("set"), name == "shutdown", name == "quit":
		return true
	}
	return false
}

// blockingPops are the commands that wait for an element of a value in memory.
var blockingPops = []string{"blmove", "blmpop", "blpop", "brpop", "brpoplpush", "bzmpop", "bzpopmax", "bzpopmin"}

// timeoutOf is for how many seconds a blocking pop waits, as far as it is a number; 0 is for ever.
func timeoutOf(args []string) float64 {
	at := len(args) - 1
	if named(args, "blmpop", "bzmpop") {
		at = min(1, at)
	}
	seconds, _ := strconv.ParseFloat(args[at], 64)
	return seconds
}

// storesAt returns the keys at which a command may store a list or a sorted set.
func storesAt(args []string) []string {
	switch {
	case len(args) > 1 && named(args, "zrangestore", "zunionstore", "zinterstore", "zdiffstore", "geosearchstore"):
		return args[1:2]
	case named(args, "sort", "georadius", "georadiusbymember"):
		if at := option(args, "store"); at > 0 {
			return args[at:]
		}
	}
	return nil
}

// isWaitedFor reports whether a client is blocked in a pop from a key.
func isWaitedFor(key string, blocked map[int][]string) bool {
	for _, args := range blocked {
		if slices.Contains(blockingPops, strings.ToLower(args[0])) && slices.Contains(args[1:], key) {
			return true
		}
	}
	return false
}

// wakesOthers says that an XGROUP DESTROY concerns others than the readers of the
// group that it destroys.
func wakesOthers(destroy []string, blocked map[int][]string) bool {
	for _, args := range blocked {
		if !strings.EqualFold(args[0], "xreadgroup") || len(destroy) < 4 || !slices.Contains(args, destroy[3]) {
			return true
		}
	}
	return false
}

// readsSeveral reports whether a client waits for entries of more than one stream.
func readsSeveral(blocked map[int][]string) bool {
	for _, args := range blocked {
		if named(args, "xread", "xreadgroup") && len(streamsOf(args)) > 1 {
			return true
		}
	}
	return false
}

// streamsOf returns the keys behind STREAMS.
func streamsOf(args []string) []string {
	rest := args[option(args, "streams"):]
	return rest[:(len(rest)+1)/2]
}

// option is where the value of an option stands, 0 if it is not there.
func option(args []string, name string) int {
	return slices.IndexFunc(args, func(a string) bool { return strings.EqualFold(a, name) }) + 1
}

func count(args []string, word string) int {
	n := 0
	for _, a := range args {
		if strings.EqualFold(a, word) {
			n++
		}
	}
	return n
}

// repeats says that a key stands twice behind STREAMS.
func repeats(args []string) bool {
	keys := slices.Clone(streamsOf(args))
	slices.Sort(keys)
	return len(slices.Compact(slices.Clone(keys))) != len(keys)
}
