package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/weirmq/weir/internal/oracle"
)

// The history is appended to by a process that is held to little memory.

const diskTarget = 0.5 // bytes on the disk, of the raw ones

// checkpointLogSize is the setting of the broker's default for a history of 50
// million events, and in proportion for a shorter one: so the log has the same
// part in the disk space, and there are as many checkpoints.
func (h *history) checkpointLogSize() int {
	const full, ofEvents = 256 << 20, 50_000_000
	return max(int(float64(full)*min(1, float64(h.events)/ofEvents)), 1<<20)
}

func (h *history) sizes() []string {
	return []string{"--checkpoint-log-size", strconv.Itoa(h.checkpointLogSize())}
}

func (h *history) appendAll(c *chapter) error {
	group, err := newMemoryGroup(memoryLimit)
	if err != nil {
		c.say("No cgroup of our own here (%v): the process is held by GOMEMLIMIT alone, and its memory is measured.\n\n", err)
	} else {
		defer group.remove()
		c.say("The process is in a cgroup of its own with memory limited to %s, page cache included: beyond it the kernel would end it.\n\n", size(memoryLimit))
	}
	s, err := h.serveWith(append(group.wrapper(), "env", held), h.weir, h.dir, h.sizes()...)
	if err != nil {
		return err
	}
	defer s.Kill()
	f := fill{source: h.flights, streams: historyStreams, connections: historyStreams, n: h.events}
	c.say("%s; %s.\n", h.line(h.sizes()...), f.line())
	a, err := h.appended(s, f)
	if err != nil {
		return errors.Join(err, fmt.Errorf("the server has said:\n%s", tail(s.Output())))
	}
	h.marks, h.count = a.marks, f.n
	if err := h.checkCount(s.Addr); err != nil {
		return err
	}
	began := time.Now()
	if err := s.Stop(); err != nil {
		return err
	}
	stopped := time.Since(began).Seconds()
	after, err := usageOf(h.dir)
	if err != nil {
		return err
	}

	million := float64(f.n) / 1e6
	c.found(fmt.Sprintf("%.3g million events of %.0f bytes (%s raw) appended by a process held to 512 MB: peak RSS", million, float64(a.raw)/float64(f.n), size(float64(a.raw))),
		"< 512 MB", size(a.peak), a.peak < memoryLimit)
	c.noted("the same: events/s; server CPU of an XADD; client, share of a core", fmt.Sprintf("%.0f; %.2f µs; %.2f", a.perSecond, a.cpu*1e6, a.clientCPU))
	c.found("bytes on disk of raw, "+f.source.String(), fmt.Sprintf("≤ %.1f", diskTarget), ofRaw(a), a.disk.total() <= diskTarget*float64(a.raw))

	c.table("events until", "events/s since the line before", "highest RSS")
	for _, t := range a.tenths {
		c.say("| %d | %.0f | %s |\n", t.until, t.perSecond, size(t.rss))
	}
	c.table("disk", "log", "segments", "checkpoints", "rest", "together", "of raw", "segments alone", "bytes per event")
	c.diskRow("after the load", a.disk, a.raw, f.n)
	c.diskRow(fmt.Sprintf("after SIGTERM, which took %.2f s", stopped), after, a.raw, f.n)
	c.say("\nPeak RSS is VmHWM, %s; the highest of looks every %v: %s.", size(a.peak), lookEvery, size(a.sampled))
	if peak, err := group.peak(); err == nil {
		c.say(" The cgroup's peak, with page cache: %s.", size(peak))
	}
	c.say(" Server CPU until it is idle after the load: %.2f µs per XADD. Written to the disk: %s.\n", a.cpu*1e6, size(a.written))

	for _, other := range []source{flights{rows: h.flights.rows}, noise{}} {
		if err := h.appendOther(c, other); err != nil {
			return fmt.Errorf("%s: %w", other, err)
		}
	}
	return nil
}

// appendOther appends fewer events of another kind to an empty server.
func (h *history) appendOther(c *chapter, kind source) error {
	dir := filepath.Join(h.work, "other")
	small := *h
	small.events = max(h.events/10, 10_000)
	s, err := small.serveWith([]string{"env", held}, h.weir, dir, small.sizes()...)
	if err != nil {
		return err
	}
	defer s.Kill()
	f := fill{source: kind, streams: historyStreams, connections: historyStreams, n: small.events}
	a, err := h.appended(s, f)
	if err != nil {
		return err
	}
	if _, target := kind.(flights); target {
		c.found(fmt.Sprintf("the same of %d %s (%.0f bytes)", f.n, kind, float64(a.raw)/float64(f.n)), fmt.Sprintf("≤ %.1f", diskTarget), ofRaw(a), a.disk.total() <= diskTarget*float64(a.raw))
	} else {
		c.noted(fmt.Sprintf("the same of %d events of %s", f.n, kind), ofRaw(a))
	}
	c.say("\n%s; %s: %.0f events/s, %.2f µs of server CPU per XADD, peak RSS %s.\n", small.line(small.sizes()...), f.line(), a.perSecond, a.cpu*1e6, size(a.peak))
	c.table("disk", "log", "segments", "checkpoints", "rest", "together", "of raw", "segments alone", "bytes per event")
	c.diskRow("after the load", a.disk, a.raw, f.n)
	s.Kill()
	return os.RemoveAll(dir)
}

func ofRaw(a appended) string {
	raw := float64(a.raw)
	return fmt.Sprintf("%.3f (segments %.3f, log %.3f, checkpoints %.3f)", a.disk.total()/raw, a.disk.segments/raw, a.disk.log/raw, a.disk.checkpoints/raw)
}

func (c *chapter) diskRow(what string, u usage, raw int64, events uint64) {
	c.say("| %s | %s | %s | %s | %s | %s | %.3f | %.3f | %.1f |\n", what, size(u.log), size(u.segments), size(u.checkpoints), size(u.rest), size(u.total()),
		u.total()/float64(raw), u.segments/float64(raw), u.total()/float64(events))
}

// appended is a fill with what it cost the server.
type appended struct {
	filled
	cpu           float64 // seconds of an XADD
	peak, sampled float64 // RSS
	disk          usage
	written       float64 // bytes, to the disk
}

// appended fills and waits until the server is idle again.
func (h *history) appended(s *oracle.Server, f fill) (a appended, err error) {
	before, err := cpuTime(s.Pid())
	if err != nil {
		return a, err
	}
	if a.filled, err = f.run(s.Addr, s.Pid()); err != nil {
		return a, err
	}
	after, err := idleCPU(s.Pid())
	if err != nil {
		return a, err
	}
	a.cpu = (after - before) / float64(f.n)
	for _, t := range a.tenths {
		a.sampled = max(a.sampled, t.rss)
	}
	if a.peak, err = procField(fmt.Sprintf("/proc/%d/status", s.Pid()), "VmHWM:", 1024); err != nil {
		return a, err
	}
	if a.written, err = procField(fmt.Sprintf("/proc/%d/io", s.Pid()), "write_bytes:", 1); err != nil {
		return a, err
	}
	a.disk, err = usageOf(s.Dir)
	return a, err
}

// idleCPU waits until a process uses next to nothing any more, and returns what
// it has used so far: what is done beside a load is a part of its price.
func idleCPU(pid int) (float64, error) {
	const looks, gap = 3, 400 * time.Millisecond
	last, err := cpuTime(pid)
	end := time.Now().Add(time.Minute)
	for quiet := 0; quiet < looks && err == nil; {
		if time.Now().After(end) {
			return last, errors.New("the server is busy a minute after the load")
		}
		time.Sleep(gap)
		var now float64
		now, err = cpuTime(pid)
		if quiet++; now-last > 0.011 { // more than a tick of the clock that counts it
			quiet = 0
		}
		last = now
	}
	return last, err
}

// tail is the end of what a server has printed.
func tail(text string) string { return text[max(0, len(text)-2000):] }

// memoryGroup is a cgroup (version 1 or 2) that limits memory; nil is none.
type memoryGroup struct{ dir, peakFile string }

func newMemoryGroup(limit int) (*memoryGroup, error) {
	name := "weir-bench-" + strconv.Itoa(os.Getpid())
	var failed error
	for _, v := range []struct{ root, limit, peak string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.max_usage_in_bytes"},
		{"/sys/fs/cgroup", "memory.max", "memory.peak"},
	} {
		g := &memoryGroup{dir: filepath.Join(v.root, name), peakFile: v.peak}
		err := os.Mkdir(g.dir, 0o755)
		if err == nil {
			if err = os.WriteFile(filepath.Join(g.dir, v.limit), []byte(strconv.Itoa(limit)), 0o644); err == nil {
				return g, nil
			}
			g.remove()
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

// wrapper is a program that joins the group and becomes what its arguments say.
func (g *memoryGroup) wrapper() []string {
	if g == nil {
		return nil
	}
	return []string{"sh", "-c", `echo $$ > "$0" && exec "$@"`, filepath.Join(g.dir, "cgroup.procs")}
}

func (g *memoryGroup) peak() (float64, error) {
	if g == nil {
		return 0, errors.New("no cgroup")
	}
	text, err := os.ReadFile(filepath.Join(g.dir, g.peakFile))
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(string(text[:max(len(text)-1, 0)]), 64)
}

// remove works once the last process of the group is gone.
func (g *memoryGroup) remove() {
	if err := syscall.Rmdir(g.dir); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %s: %v\n", g.dir, err)
	}
}
