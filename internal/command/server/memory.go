package server

import (
	"strings"

	"github.com/weirmq/weir/internal/command"
)

func (f family) memory() command.Spec {
	tips := []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"}
	return command.WithHelp(command.Spec{
		Name: "memory", Group: command.Server, Since: "4.0.0", Arity: -2,
		Summary: "What memory is used for.",
		Sub: []command.Spec{
			{
				Name: "doctor", Since: "4.0.0", Arity: 2,
				Summary: "What stands out about the use of memory, in words.",
				Tips:    tips,
				Run:     command.Plain(f.runMemoryDoctor),
			},
			{
				Name: "malloc-stats", Since: "4.0.0", Arity: 2,
				Summary: "Nothing: there is no such allocator. INFO memory has what the Go runtime says about itself.",
				Tips:    tips,
				Run:     command.Plain(runMallocStats),
			},
			{
				Name: "purge", Since: "4.0.0", Arity: 2,
				Summary:    "Give memory that is free back to the system, in the background.",
				Complexity: "O(N) where N is the size of the memory that is used",
				Tips:       []string{"request_policy:all_shards", "response_policy:all_succeeded"},
				Run:        command.Plain(f.runMemoryPurge),
			},
			{
				Name: "stats", Since: "4.0.0", Arity: 2,
				Summary: "What memory is used for, in bytes.",
				Tips:    tips,
				Run:     command.Plain(f.runMemoryStats),
			},
			{
				Name: "usage", Since: "4.0.0", Arity: -3,
				Syntax:     "key [SAMPLES count]",
				Summary:    "The memory that a key and its value hold, in bytes; not what is in files.",
				Complexity: "O(N) where N is the number of groups and consumers of a stream",
				Flags:      command.ReadOnly,
				Keys:       command.KeyAt(2).For("RO"),
				Run:        command.Handle(parseMemoryUsage, runMemoryUsage),
			},
		},
	}, "4.0.0")
}

// parseMemoryUsage returns the key. How many elements to look at is checked and forgotten: no value is estimated.
func parseMemoryUsage(args command.Args) (key []byte, err error) {
	for rest := args[3:]; len(rest) > 0; rest = rest[2:] {
		if len(rest) < 2 || !command.EqualFold(rest[0], "SAMPLES") {
			return nil, command.ErrSyntax
		}
		n, err := command.ParseInt(rest[1])
		if err != nil {
			return nil, err
		}
		if n < 0 {
			return nil, command.ErrSyntax
		}
	}
	return args[2], nil
}

func runMemoryUsage(c *command.Call, key []byte) error {
	if size, ok := c.Tx.Usage(key); ok {
		c.Out.Int(int64(size))
	} else {
		c.Out.Null()
	}
	return nil
}

func runMallocStats(c *command.Call) error {
	c.Out.Verbatim("txt", "Stats not supported for the current allocator")
	return nil
}

func (f family) runMemoryPurge(c *command.Call) error {
	f.host.ReleaseMemory()
	c.Out.OK()
	return nil
}

func (f family) runMemoryStats(c *command.Call) error {
	i := f.host.Info()
	mark, fields := c.Out.Mark(), 0
	number := func(name string, n int64) {
		c.Out.BulkString(name)
		c.Out.Int(n)
		fields++
	}
	fraction := func(name string, v float64) {
		c.Out.BulkString(name)
		c.Out.Double(v)
		fields++
	}
	keys := int64(0)
	for _, db := range i.Databases {
		keys += int64(db.Keys)
	}
	peak, data, own := max(i.UsedMemoryPeak, i.UsedMemory), i.dataset(), max(i.UsedMemory-i.UsedMemoryStartup, 0)
	number("peak.allocated", peak)
	number("total.allocated", i.UsedMemory)
	number("startup.allocated", i.UsedMemoryStartup)
	number("replication.backlog", 0)
	number("clients.slaves", 0)
	number("clients.normal", i.ClientsMemory)
	number("cluster.links", 0)
	number("aof.buffer", i.LogPendingMemory)
	number("lua.caches", 0)
	number("functions.caches", 0)
	number("overhead.total", max(i.UsedMemory-data, 0))
	number("keys.count", keys)
	number("keys.bytes-per-key", own/max(keys, 1))
	number("dataset.bytes", data)
	fraction("dataset.percentage", min(100*ratio(data, own), 100))
	fraction("peak.percentage", 100*ratio(i.UsedMemory, peak))
	number("allocator.allocated", i.HeapAllocated)
	number("allocator.active", i.HeapActive)
	number("allocator.resident", i.HeapResident)
	fraction("allocator-fragmentation.ratio", ratio(i.HeapActive, i.HeapAllocated))
	number("allocator-fragmentation.bytes", i.HeapActive-i.HeapAllocated)
	fraction("allocator-rss.ratio", ratio(i.HeapResident, i.HeapActive))
	number("allocator-rss.bytes", i.HeapResident-i.HeapActive)
	fraction("rss-overhead.ratio", ratio(i.UsedMemoryRSS, i.HeapResident))
	number("rss-overhead.bytes", i.UsedMemoryRSS-i.HeapResident)
	fraction("fragmentation", ratio(i.UsedMemoryRSS, i.UsedMemory))
	number("fragmentation.bytes", i.UsedMemoryRSS-i.UsedMemory)

	number("streams.memory", i.StreamMemory)
	number("streams.backlog", i.StreamBacklog)
	number("streams.disk", i.StreamDisk)
	number("streams.blocks", i.StreamBlocks)
	number("streams.cache", i.CacheMemory)
	number("streams.cache-limit", i.CacheLimit)
	number("streams.held", i.HeldMemory)
	c.Out.InsertMap(mark, fields)
	return nil
}

// runMemoryDoctor names what an operator may want to change. Redis's doctor has other illnesses in mind: those of its
// allocator and of its replicas.
func (f family) runMemoryDoctor(c *command.Call) error {
	i := f.host.Info()
	var findings []string
	say := func(when bool, finding string) {
		if when {
			findings = append(findings, "* "+finding)
		}
	}
	const much = 64 << 20 // less is not worth a thought
	say(i.SpillError != "", "Full blocks of streams stay in memory, since writing them to a segment file fails: "+i.SpillError)
	say(i.SpillError == "" && i.StreamBacklog > much, humanBytes(i.StreamBacklog)+" of full blocks of streams wait to be written to a "+
		"segment file: more is added than the disk takes. It will pass when less is added.")
	say(i.StreamMemory-i.StreamBacklog > much && i.StreamMemory-i.StreamBacklog > i.UsedMemory/2, "Half of the memory is in the open "+
		"blocks and the bookkeeping of streams. A lower stream-block-size makes open blocks smaller.")
	say(i.ClientsMemory > much && i.ClientsMemory > i.UsedMemory/4, "A quarter of the memory or more is in buffers of clients. "+
		"CLIENT LIST shows in its field tot-mem whose.")
	say(i.LogPendingMemory > much/2, humanBytes(i.LogPendingMemory)+" wait to be written to the log: the disk is slow.")
	say(i.CacheMisses > 10_000 && i.CacheMisses > i.CacheHits, "Of the blocks of streams that clients read from the disk most are not in "+
		"the cache. A higher stream-cache-size may help.")
	say(i.UsedMemoryRSS > 2*i.UsedMemory && i.UsedMemoryRSS-i.UsedMemory > 4*much, "The process holds more than twice the memory that is "+
		"used, after a peak. MEMORY PURGE gives it back to the system.")
	text := "Nothing stands out.\n"
	if len(findings) > 0 {
		text = strings.Join(findings, "\n") + "\n"
	}
	c.Out.Verbatim("txt", text)
	return nil
}
