package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weirmq/weir/internal/oracle"
)

// wake is the time from just before an XADD is sent to the arrival of its entry
// at a client that was blocked for it. The clients live in a process of their
// own, this binary once more, as on another machine: see blocked.
type wake struct {
	name             string
	groups           bool // XREADGROUP, which wakes one client of each stream; else XREAD, which wakes all
	clients, streams int
	rate             int // XADDs a second, over all streams in turn
	seconds          float64
	samples          map[string][]wakeSample // by server
}

// wakeSample is one round.
type wakeSample struct {
	woken
	server    float64 // share of a core that the server used
	perClient float64 // RSS that a blocked client costs the server, bytes
	threads   float64 // of the server
}

// woken is what the clients' process reports, times in milliseconds.
type woken struct {
	Wakeups       int
	P50, P99, Max float64
	CPU           float64 // share of a core that it used
}

// wakeTarget is what p99 must stay under, in milliseconds.
const wakeTarget = 5

// wakes are the rows; scale shortens them, and below a half thins them out.
func wakes(scale float64) []*wake {
	streams := max(int(1000*min(1, 2*scale)), 10)
	var list []*wake
	for _, groups := range []bool{false, true} {
		w := &wake{name: "wake xread", groups: groups, clients: 10 * streams, streams: streams, rate: streams,
			seconds: max(6*scale, 2), samples: map[string][]wakeSample{}}
		if groups {
			w.name = "wake xreadgroup"
		}
		list = append(list, w)
	}
	return list
}

func (w *wake) measure(o options, work string) error {
	for round := range o.rounds {
		for _, kind := range turn(round) {
			dir := filepath.Join(work, "data")
			s, err := w.round(o, kind, dir)
			if err != nil {
				return fmt.Errorf("%s, round %d, %s: %w", w.name, round+1, kind, err)
			}
			w.samples[kind] = append(w.samples[kind], s)
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
		}
	}
	fmt.Fprint(os.Stderr, w.line())
	return nil
}

func (w *wake) xadds() int { return int(w.seconds * float64(w.rate)) }

// wakeups is how many clients all XADDs together wake.
func (w *wake) wakeups() int {
	if w.groups {
		return w.xadds()
	}
	return w.xadds() * (w.clients / w.streams)
}

func (w *wake) round(o options, kind, dir string) (sample wakeSample, err error) {
	s, err := startServer(o, kind, dir, "everysec", "--maxclients", strconv.Itoa(w.clients+100))
	if err != nil {
		return sample, err
	}
	defer s.Kill()
	if w.groups {
		if err := w.makeGroups(s.Addr); err != nil {
			return sample, err
		}
	}
	before, err := rss(s.Pid())
	if err != nil {
		return sample, err
	}

	exe, err := os.Executable()
	if err != nil {
		return sample, err
	}
	clients := exec.Command(exe, "blocked", s.Addr, strconv.FormatBool(w.groups), strconv.Itoa(w.clients), strconv.Itoa(w.streams), strconv.Itoa(w.wakeups()))
	clients.Stderr = os.Stderr
	out, err := clients.StdoutPipe()
	if err != nil {
		return sample, err
	}
	if err := clients.Start(); err != nil {
		return sample, err
	}
	defer func() {
		_ = clients.Process.Kill()
		_ = clients.Wait()
	}()
	lines := bufio.NewReader(out)
	if _, err := lines.ReadString('\n'); err != nil { // all requests are sent
		return sample, err
	}
	if err := awaitBlocked(s.Addr, w.clients); err != nil {
		return sample, err
	}
	after, err := rss(s.Pid())
	if err != nil {
		return sample, err
	}
	cpu, err := cpuTime(s.Pid())
	if err != nil {
		return sample, err
	}
	began := time.Now()
	if err := w.produce(s.Addr); err != nil {
		return sample, err
	}
	if err := json.NewDecoder(lines).Decode(&sample.woken); err != nil {
		return sample, fmt.Errorf("of the blocked clients: %w", err)
	}
	if sample.threads, err = procField(fmt.Sprintf("/proc/%d/status", s.Pid()), "Threads:", 1); err != nil {
		return sample, err
	}
	used, err := cpuTime(s.Pid())
	sample.server = (used - cpu) / time.Since(began).Seconds()
	sample.perClient = (after - before) / float64(w.clients)
	return sample, err
}

func streamName(i int) string { return "stream:" + strconv.Itoa(i) }

func (w *wake) makeGroups(addr string) error {
	c, err := oracle.Dial(addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	for i := range w.streams {
		if _, err := c.MustDo("XGROUP", "CREATE", streamName(i), group, "$", "MKSTREAM"); err != nil {
			return err
		}
	}
	return nil
}

func awaitBlocked(addr string, clients int) error {
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		n, err := info(addr, "clients", "blocked_clients")
		if err != nil || int(n) == clients {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("%.0f of %d clients are blocked", n, clients)
		}
	}
}

// produce sends the XADDs when they are due, also when replies are late.
func (w *wake) produce(addr string) error {
	g, err := gather(addr, 1)
	if err != nil {
		return err
	}
	defer g.close()
	c := g.conns[0]
	var heads [][]byte // of an XADD; the value follows
	for i := range w.streams {
		whole := oracle.AppendCommand(nil, "XADD", streamName(i), "*", "at", stamp(0))
		heads = append(heads, whole[:len(whole)-len(stamp(0))-2])
	}
	failed := make(chan error, 1)
	go func() {
		start := monotonic()
		for i := range w.xadds() {
			sleepUntil(start + int64(i)*int64(time.Second)/int64(w.rate))
			c.out = append(append(c.out[:0], heads[i%w.streams]...), stamp(monotonic())...)
			if err := c.send(append(c.out, '\r', '\n')); err != nil {
				failed <- err
				return
			}
		}
		failed <- nil
	}()
	err = c.await(w.xadds())
	return errors.Join(err, <-failed)
}

// stamp is a moment in always as many digits.
func stamp(ns int64) string { return fmt.Sprintf("%019d", ns) }

// await reads n replies, which must be no errors.
func (c *conn) await(n int) error { return c.exchange(nil, n, nil) }

// blocked is the process of the clients: it opens them, sends a blocking read
// for each, says so with a line, reads again for every entry that comes, and
// ends with its figures when so many have come.
func blocked(args []string, stdout io.Writer) error {
	if len(args) != 5 {
		return errors.New("blocked takes ADDR GROUPS CLIENTS STREAMS WAKEUPS: it is for the rows named wake")
	}
	groups, err0 := strconv.ParseBool(args[1])
	clients, err1 := strconv.Atoi(args[2])
	streams, err2 := strconv.Atoi(args[3])
	wakeups, err3 := strconv.Atoi(args[4])
	if err := errors.Join(err0, err1, err2, err3); err != nil {
		return err
	}
	g, err := gather(args[0], clients)
	if err != nil {
		return err
	}
	defer g.close()
	read := func(c *conn, after string) []byte {
		key := streamName(c.number % streams)
		if groups {
			return oracle.AppendCommand(c.out[:0], "XREADGROUP", "GROUP", group, "worker-"+strconv.Itoa(c.number), "BLOCK", "0", "STREAMS", key, ">")
		}
		return oracle.AppendCommand(c.out[:0], "XREAD", "BLOCK", "0", "STREAMS", key, after)
	}
	for _, c := range g.conns {
		if err := c.send(read(c, "$")); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintln(stdout, "ready"); err != nil {
		return err
	}

	cpu, began := ownCPU(), monotonic()
	took := make([]int64, 0, wakeups)
	err = g.run(func(c *conn) error {
		now := monotonic()
		last := "" // the ID of the last entry
		n, err := c.delivered(1, func(id, value part) {
			sent, err := strconv.ParseInt(string(c.text(value)), 10, 64)
			if err != nil {
				sent = 0 // shows as a wake-up after days
			}
			took = append(took, now-sent)
			last = string(c.text(id))
		})
		switch {
		case err != nil:
			return err
		case n == 0:
			return fmt.Errorf("a blocked read came back with %q", c.buf[:c.pos])
		case len(took) >= wakeups:
			return errEnough
		}
		c.out = read(c, last)
		return c.send(c.out)
	})
	if err != nil {
		return fmt.Errorf("after %d of %d wake-ups: %w", len(took), wakeups, err)
	}
	elapsed := float64(monotonic()-began) / 1e9
	slices.Sort(took)
	ms := func(q float64) float64 { return quantile(took, q) / 1e6 }
	return json.NewEncoder(stdout).Encode(woken{Wakeups: len(took), P50: ms(0.5), P99: ms(0.99), Max: ms(1), CPU: (ownCPU() - cpu) / elapsed})
}

func (w *wake) of(kind string, figure func(wakeSample) float64) []float64 {
	var list []float64
	for _, s := range w.samples[kind] {
		list = append(list, figure(s))
	}
	return list
}

func (w *wake) target() string {
	p99 := median(w.of(weir, func(s wakeSample) float64 { return s.P99 }))
	return fmt.Sprintf("p99 < %d ms: %s", wakeTarget, reached(p99 < wakeTarget))
}

// line is the row in short, for the terminal.
func (w *wake) line() string {
	text := fmt.Sprintf("%-18s", w.name)
	for _, kind := range []string{redis, weir} {
		m := func(figure func(wakeSample) float64) float64 { return median(w.of(kind, figure)) }
		text += fmt.Sprintf("%s p50 %.2f p99 %.2f max %.2f ms  server %.0f%% clients %.0f%%  %.1f KB a client  %.0f threads  ", kind,
			m(wakeP50), m(wakeP99), m(wakeMax), 100*m(wakeServer), 100*m(wakeClients), m(wakePerClient)/1024, m(wakeThreads))
	}
	return text + w.target() + "\n"
}

func wakeP50(s wakeSample) float64       { return s.P50 }
func wakeP99(s wakeSample) float64       { return s.P99 }
func wakeMax(s wakeSample) float64       { return s.Max }
func wakeServer(s wakeSample) float64    { return s.server }
func wakeClients(s wakeSample) float64   { return s.CPU }
func wakePerClient(s wakeSample) float64 { return s.perClient }
func wakeThreads(s wakeSample) float64   { return s.threads }

func (w *wake) write(b *strings.Builder) {
	command := "`XREAD BLOCK 0 STREAMS stream:N $`, so that an entry wakes all clients of its stream"
	if w.groups {
		command = "`XREADGROUP GROUP workers worker-N BLOCK 0 STREAMS stream:N >`, so that an entry wakes one client"
	}
	fmt.Fprintf(b, "\n## %s\n\n%d clients of one process blocked on %d streams by %s; another process sends `XADD stream:N * at NOW`, %d a second in all, when they are due, also when replies are late; "+
		"%d wake-ups a round. Times are from just before the XADD is sent to the arrival of the entry. sync everysec. Target of Weir: %s.\n\n",
		w.name, w.clients, w.streams, command, w.rate, w.wakeups(), w.target())
	b.WriteString("| | Redis | Weir | Redis, rounds | Weir, rounds |\n|---|---|---|---|---|\n")
	for _, f := range []struct {
		name   string
		format string
		value  func(wakeSample) float64
	}{
		{"p50, ms", "%.2f", wakeP50}, {"p99, ms", "%.2f", wakeP99}, {"longest, ms", "%.2f", wakeMax},
		{"server, share of a core", "%.2f", wakeServer}, {"clients, share of a core", "%.2f", wakeClients},
		{"RSS per blocked client, bytes", "%.0f", wakePerClient}, {"threads of the server", "%.0f", wakeThreads},
	} {
		r, v := w.of(redis, f.value), w.of(weir, f.value)
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", f.name, fmt.Sprintf(f.format, median(r)), fmt.Sprintf(f.format, median(v)), joined(r, f.format), joined(v, f.format))
	}
}
