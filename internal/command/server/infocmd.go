package server

import (
	"strings"

	"github.com/weirmq/weir/internal/command"
)

func (f family) info() command.Spec {
	return command.Spec{
		Name: "info", Group: command.Server, Since: "1.0.0", Arity: -1,
		Syntax:  "[section [section ...]]",
		Summary: "Facts and statistics about the server: the sections named, or the default ones; all and everything name every one.",
		Flags:   inquiry | command.Dangerous,
		Tips:    []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"},
		Run:     command.Handle(parseInfo, f.runInfo),
	}
}

// section is one part of INFO, written in the order of the table below.
type section struct {
	name     string
	optional bool // not among the default ones
	write    func(*infoText, *Info, *command.Table)
}

var sections = []section{
	{name: "Server", write: writeServer},
	{name: "Clients", write: writeClients},
	{name: "Memory", write: writeMemory},
	{name: "Persistence", write: writePersistence},
	{name: "Stats", write: writeStats},
	{name: "Replication", write: writeReplication},
	{name: "CPU", write: writeCPU},
	{name: "Modules", write: func(*infoText, *Info, *command.Table) {}}, // there are none
	{name: "Commandstats", optional: true, write: writeCommandstats},
	{name: "Errorstats", write: writeErrorstats},
	{name: "Cluster", write: writeCluster},
	{name: "Keyspace", write: writeKeyspace},
}

// parseInfo returns which sections are asked for. Unknown ones are ignored, as Redis does.
func parseInfo(args command.Args) (wanted [16]bool, err error) {
	words := args[1:]
	if len(words) == 0 {
		words = [][]byte{[]byte("default")}
	}
	for _, word := range words {
		all := command.EqualFold(word, "ALL") || command.EqualFold(word, "EVERYTHING")
		standard := command.EqualFold(word, "DEFAULT")
		for i, s := range sections {
			if all || standard && !s.optional || strings.EqualFold(string(word), s.name) {
				wanted[i] = true
			}
		}
	}
	return wanted, nil
}

func (f family) runInfo(c *command.Call, wanted [16]bool) error {
	info := f.host.Info()
	var t infoText
	for i, s := range sections {
		if wanted[i] {
			if len(t.b) > 0 {
				t.b = append(t.b, "\r\n"...)
			}
			t.b = append(append(append(t.b, "# "...), s.name...), "\r\n"...)
			s.write(&t, &info, f.host.Table())
		}
	}
	c.Out.Verbatim("txt", string(t.b))
	return nil
}
