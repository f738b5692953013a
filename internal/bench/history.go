package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/weirmq/weir/internal/oracle"
)

// history measures what a history larger than memory costs, as
// docs/benchmarks-history.md shows it: one chapter after the other, the first of
// which fills the data directory that the next ones use.
type history struct {
	options
	events   uint64
	baseline string // a binary that keeps all of every stream in memory
	flights  flights
	work     string // a directory for everything
	dir      string // the data directory with the history
	count    uint64 // events in it
	marks    [][]entryID
}

// historyStreams is how many streams the history has.
const historyStreams = 4

// chapter is one row of what is to be reached, how it was measured, and every
// round.
type chapter struct {
	title    string
	measure  func(h *history, c *chapter) error
	needs    bool // the history
	findings []finding
	text     strings.Builder
	err      error
}

// finding is a line of the table.
type finding struct {
	what, target, measured string
	verdict                string // empty where there is no target
}

func chapters() []*chapter {
	return []*chapter{
		{title: "append", measure: (*history).appendAll, needs: true},
		{title: "start", measure: (*history).starts, needs: true},
		{title: "replay", measure: (*history).replays, needs: true},
		{title: "reads of old entries", measure: (*history).oldReads, needs: true},
		{title: "reads of hot blocks", measure: (*history).hotReads},
		{title: "pauses during a checkpoint", measure: (*history).pauses},
		{title: "CPU while spilling", measure: (*history).spilling},
		{title: "copying a slot", measure: (*history).copying},
	}
}

func (c *chapter) found(what, target, measured string, ok bool) {
	c.findings = append(c.findings, finding{what, target, measured, reached(ok)})
}

// noted is for figures without a target.
func (c *chapter) noted(what, measured string) {
	c.findings = append(c.findings, finding{what: what, measured: measured})
}

func (c *chapter) say(format string, args ...any) { fmt.Fprintf(&c.text, format, args...) }

// table begins a table in the text.
func (c *chapter) table(heads ...string) {
	c.say("\n| %s |\n|%s\n", strings.Join(heads, " | "), strings.Repeat("---|", len(heads)))
}

func runHistory(o options, events uint64, baseline, out string) (err error) {
	if events < 10_000 {
		return errors.New("-events is 10,000 at least")
	}
	h := &history{options: o, events: events}
	if h.work, err = os.MkdirTemp(o.dir, "weir-bench"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(h.work)) }()
	if h.weir == "" {
		if h.weir, err = oracle.BuildWeir(h.work); err != nil {
			return err
		}
	}
	if h.baseline, err = buildBaseline(h.work, baseline); err != nil {
		return err
	}
	if h.flights.rows, err = readFlights(flightsFile); err != nil {
		return err
	}
	h.flights.long = true
	h.dir = filepath.Join(h.work, "history")
	free := diskFree(h.work)

	var measured []*chapter
	for _, c := range chapters() {
		if !h.rows.MatchString(c.title) && (len(measured) > 0 || !h.needed()) {
			continue
		}
		began := time.Now()
		if c.err = c.measure(h, c); c.err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", c.title, c.err)
			err = errors.Join(err, fmt.Errorf("%s: %w", c.title, c.err))
		}
		measured = append(measured, c)
		fmt.Fprintf(os.Stderr, "%s: %.0f s\n%s", c.title, time.Since(began).Seconds(), findings([]*chapter{c}))
		if c.err != nil && h.count == 0 && c.needs {
			break // what comes needs the history
		}
	}

	text := h.report(measured, free)
	if _, werr := io.WriteString(os.Stdout, text); werr != nil {
		return werr
	}
	if out != "" {
		err = errors.Join(err, os.WriteFile(out, []byte(text), 0o644))
	}
	return err
}

// needed says whether a chapter was asked for that uses the history.
func (h *history) needed() bool {
	for _, c := range chapters() {
		if c.needs && h.rows.MatchString(c.title) {
			return true
		}
	}
	return false
}

// lastInMemory is the last commit whose streams were all in memory.
const lastInMemory = "d890cdc9f12e68056a1911f32cbbb037ae291753"

// buildBaseline returns a binary that knows no segment files: the one given, or
// one built from lastInMemory.
func buildBaseline(work, given string) (string, error) {
	if given != "" {
		return given, nil
	}
	source, binary := filepath.Join(work, "baseline-source"), filepath.Join(work, "baseline-weir")
	script := fmt.Sprintf("mkdir %[1]s && git archive %[2]s | tar -x -C %[1]s && cd %[1]s && CGO_ENABLED=0 go build -trimpath -o %[3]s ./cmd/weir", source, lastInMemory, binary)
	if out, err := exec.Command("bash", "-o", "pipefail", "-c", script).CombinedOutput(); err != nil {
		return "", fmt.Errorf("the weir of commit %.7s, which kept streams in memory, cannot be built (-baseline names another binary): %w\n%s", lastInMemory, err, out)
	}
	return binary, os.RemoveAll(source)
}

// held is the environment of a server that is to stay small.
const held = "GOMEMLIMIT=" + goMemory

const (
	goMemory    = "400MiB"
	memoryLimit = 512 << 20
)

// serve starts a weir on the history, with little memory.
func (h *history) serve(args ...string) (*oracle.Server, error) {
	return h.serveWith([]string{"env", held}, h.weir, h.dir, args...)
}

func (h *history) serveWith(wrapper []string, binary, dir string, args ...string) (*oracle.Server, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return oracle.StartWrapped(wrapper, binary, dir, append(weirArgs(h.options, "everysec"), args...)...)
}

// line is a command line of serve, freeLine one without the limit of memory.
func (h *history) line(args ...string) string {
	return "`" + held + " " + h.freeLine(args...)[1:]
}

func (h *history) freeLine(args ...string) string {
	return "`weir serve " + strings.Join(append(weirArgs(h.options, "everysec"), args...), " ") + "`"
}

// ask is one command on a connection of its own.
func ask(addr string, args ...string) (oracle.Reply, error) {
	c, err := oracle.Dial(addr)
	if err != nil {
		return oracle.Reply{}, err
	}
	defer func() { _ = c.Close() }()
	return c.MustDo(args...)
}

// checkCount makes sure that all events of the history are there.
func (h *history) checkCount(addr string) error {
	var n uint64
	for i := range historyStreams {
		reply, err := ask(addr, "XLEN", eventStream(i))
		if err != nil {
			return err
		}
		length, err := strconv.ParseUint(reply.Text, 10, 64)
		if err != nil {
			return err
		}
		n += length
	}
	if n != h.count {
		return fmt.Errorf("%d events were acknowledged, the streams have %d", h.count, n)
	}
	return nil
}

func findings(list []*chapter) string {
	var b strings.Builder
	b.WriteString("| | target | measured | |\n|---|---|---|---|\n")
	for _, c := range list {
		for _, f := range c.findings {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", f.what, f.target, f.measured, f.verdict)
		}
		if c.err != nil {
			first, _, _ := strings.Cut(c.err.Error(), "\n")
			fmt.Fprintf(&b, "| %s | | %s | **failed** |\n", c.title, strings.ReplaceAll(first, "|", "\\|"))
		}
	}
	return b.String()
}

func (h *history) report(list []*chapter, free float64) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Benchmarks of history

Written by `+"`make bench-history`"+` (`+"`go run ./internal/bench -history -events %d -rounds %d -rows '%s'`"+`); figures of one machine on one day,
to be repeated on yours. Where there are rounds, a figure is their median, with the lowest and the highest in parentheses.

- %s; %s free before
- %s
- the event: names and values are counted as raw, IDs are not

`, h.events, h.rounds, h.rows, describeMachine(h.work), size(free), strings.Join(versions(h.weir), "\n- "))
	b.WriteString(findings(list))
	for _, c := range list {
		fmt.Fprintf(&b, "\n## %s\n\n%s", strings.ToUpper(c.title[:1])+c.title[1:], c.text.String())
		if c.err != nil {
			fmt.Fprintf(&b, "\nFailed:\n\n```text\n%v\n```\n", c.err)
		}
	}
	return b.String()
}

// size is bytes for people.
func size(n float64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.2f GB", n/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", n/(1<<20))
	}
	return fmt.Sprintf("%.0f KB", n/(1<<10))
}
