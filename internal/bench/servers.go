package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"github.com/weirmq/weir/internal/oracle"
)

// The two servers.
const (
	redis = "redis"
	weir  = "weir"
)

// redisArgs make redis-server as durable as Weir is in the same mode.
func redisArgs(sync string) []string {
	return []string{"--save", "", "--appendonly", "yes", "--appendfsync", sync, "--auto-aof-rewrite-percentage", "0"}
}

func weirArgs(o options, sync string) []string {
	return append([]string{"--sync", sync}, strings.Fields(o.args)...)
}

// startServer starts one on a data directory, which may have a past.
func startServer(o options, kind, dir, sync string, further ...string) (*oracle.Server, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if kind == redis || o.weir == "redis-server" {
		return oracle.StartRedis(dir, append(redisArgs(sync), further...)...)
	}
	return oracle.StartWeir(o.weir, dir, append(weirArgs(o, sync), further...)...)
}

// cpuTime is what a process has used so far, all its threads, in seconds.
func cpuTime(pid int) (float64, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The second field is a name in parentheses and may hold anything; user and
	// system time are fields 14 and 15, in hundredths of a second.
	fields := strings.Fields(string(stat)[strings.LastIndexByte(string(stat), ')')+1:])
	user, err1 := strconv.ParseFloat(fields[11], 64)
	system, err2 := strconv.ParseFloat(fields[12], 64)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("/proc/%d/stat: %q", pid, stat)
	}
	return (user + system) / 100, nil
}

// rss is the memory of a process that is in RAM, in bytes.
func rss(pid int) (float64, error) {
	return procField(fmt.Sprintf("/proc/%d/status", pid), "VmRSS:", 1024)
}

func procField(path, name string, unit float64) (float64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), name); ok {
			n, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return n * unit, err
		}
	}
	return 0, fmt.Errorf("%s has no %s", path, name)
}

// usedMemory is used_memory of INFO: for Redis what its allocator has given
// out, for Weir its heap.
func usedMemory(addr string) (float64, error) { return info(addr, "memory", "used_memory") }

// info reads a number of a section of INFO.
func info(addr, section, name string) (float64, error) {
	c, err := oracle.Dial(addr)
	if err != nil {
		return 0, err
	}
	defer func() { _ = c.Close() }()
	reply, err := c.MustDo("INFO", section)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(reply.Text) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			return strconv.ParseFloat(strings.TrimSpace(rest), 64)
		}
	}
	return 0, fmt.Errorf("INFO %s has no %s:\n%s", section, name, reply.Text)
}

// describeMachine is one line about where the figures come from.
func describeMachine(dir string) string {
	model := "unknown processor"
	if f, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(f)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	memory, _ := procField("/proc/meminfo", "MemTotal:", 1024)
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return fmt.Sprintf("%s, %d cores, %.0f GB of memory, Linux %s, data on %s", model, runtime.NumCPU(), memory/(1<<30), strings.TrimSpace(string(release)), filesystem(dir))
}

// filesystem is the type of the file system that a directory is on.
func filesystem(dir string) string {
	out, err := exec.Command("findmnt", "-n", "-o", "FSTYPE", "-T", dir).Output()
	if err != nil {
		return "an unknown file system"
	}
	return strings.TrimSpace(string(out))
}

func versions(weirBinary string) []string {
	var lines []string
	for _, cmd := range [][]string{{weirBinary, "version"}, {"redis-server", "--version"}, {"redis-benchmark", "--version"}} {
		if cmd[0] == "redis-server" {
			cmd[1] = "--version"
		}
		out, err := exec.Command(cmd[0], cmd[1]).Output()
		if err != nil {
			out = fmt.Appendf(nil, "%s: %v", cmd[0], err)
		}
		first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		lines = append(lines, first)
	}
	return lines
}
