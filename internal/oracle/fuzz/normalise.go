package fuzz

import (
	"slices"
	"strings"

	"github.com/weirmq/weir/internal/oracle"
)

// normalise takes out what two correct servers may answer differently.
func normalise(args []string, r oracle.Reply) string {
	rules := "ids" // XADD * without a future ID before it takes the clock
	switch name := strings.ToLower(args[0]); {
	case r.IsError():
	case name == "keys":
		rules += ";sorted"
	case name == "scan" && slices.Equal(args[1:min(4, len(args))], []string{"0", "COUNT", "1000"}):
		rules += ";sorted"
	case name == "scan": // a part of the keys, in an order of the server's own
		rules = "kind"
	case name == "xinfo": // how a server stores entries is its own affair
		rules += ";mask radix-tree-keys radix-tree-nodes"
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
	return strings.EqualFold(args[0], "xread") && slices.ContainsFunc(args, func(a string) bool { return strings.EqualFold(a, "block") })
}

// skip names the commands whose replies differ on purpose. waiting says that
// some client is blocked now.
func skip(args []string, waiting bool) bool {
	name := strings.ToLower(args[0])
	has := func(words ...string) bool {
		return slices.ContainsFunc(args[1:], func(a string) bool { return slices.Contains(words, strings.ToLower(a)) })
	}
	switch {
	case waiting && name == "xadd" && has("maxlen", "minid"):
		return true // docs/compat.md, blocked reads: redis 7.0 wakes them for an entry that is gone
	case mayBlock(args) && count(args, "block") > 1:
		return true // which of them is the option, and so when the read ends, is not for us to say
	case mayBlock(args) && repeats(args):
		return true // docs/compat.md, blocked reads: a key named twice
	case name == "xread" && has("+"):
		return true // docs/compat.md, newer than 7.0: the ID +
	case name == "xsetid" && has("9223372036854775807"):
		return true // docs/compat.md, entries-added: redis lets it overflow below zero
	case name == "sync" || name == "object" || name == "xgroup" || name == "xreadgroup":
		return true // not there yet
	case name == "xinfo" && has("groups", "consumers", "help"):
		return true // not there yet
	case name == "client" && !has("setname", "getname", "unblock") && len(args) > 2:
		return true // others would change what this client is
	case name == "config" && has("set"), name == "shutdown", name == "quit":
		return true
	}
	return false
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
	at := slices.IndexFunc(args, func(a string) bool { return strings.EqualFold(a, "streams") })
	keys := slices.Clone(args[at+1:])
	keys = keys[:(len(keys)+1)/2]
	slices.Sort(keys)
	return len(slices.Compact(slices.Clone(keys))) != len(keys)
}
