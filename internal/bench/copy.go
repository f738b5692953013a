package main

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// What a checkpoint does under the lock is measured by benchmarks beside the
// code: a client could not tell it from other pauses.

const (
	copyTarget   = 1e6 // ns
	copyPackage  = "./internal/state"
	copyMatching = "Copy"
)

func (h *history) copying(c *chapter) error {
	blocks := min(max(h.events/5, 10_000), 10_000_000)
	args := []string{"test", "-run", "^$", "-bench", copyMatching, "-benchtime", "100x", "-count", strconv.Itoa(min(h.rounds, 3)),
		"-timeout", "1h", copyPackage, "-copy-blocks", strconv.FormatUint(blocks, 10)}
	out, err := exec.Command("go", args...).CombinedOutput()
	c.say("100 times each, in every round: `go %s`\n\n```text\n%s```\n", strings.Join(args, " "), out)
	if err != nil {
		return fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	names, times := parseBenchmarks(string(out))
	if len(names) == 0 {
		return fmt.Errorf("%s has no benchmark that is called %s", copyPackage, copyMatching)
	}
	for _, name := range names {
		c.found(name+", ns", "< 1 ms", spread(times[name], "%.0f"), median(times[name]) < copyTarget)
	}
	return nil
}

// parseBenchmarks finds the names, in their order, and each round's ns/op.
//
//	BenchmarkCopyGroup/1000000-2    1234    56789 ns/op    12 B/op
func parseBenchmarks(out string) (names []string, times map[string][]float64) {
	times = map[string][]float64{}
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		for i := 3; i < len(fields); i += 2 {
			ns, err := strconv.ParseFloat(fields[i-1], 64)
			if err != nil || fields[i] != "ns/op" {
				continue
			}
			if times[fields[0]] == nil {
				names = append(names, fields[0])
			}
			times[fields[0]] = append(times[fields[0]], ns)
		}
	}
	return names, times
}
