// Package readme holds the tests that keep the pages true: the commands of the
// README run and print what it shows, the tests that docs name exist, links
// lead somewhere.
package readme

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weirmq/weir/internal/oracle"
)

const root = "../.."

// block is a fenced block of a page.
type block struct {
	language, text string
	line           int
}

func blocks(t *testing.T, path string) []block {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var list []block
	var open *block
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		language, fence := strings.CutPrefix(strings.TrimRight(line, "\n"), "```")
		switch {
		case fence && open == nil:
			open = &block{language: language, line: n + 1}
		case fence:
			list, open = append(list, *open), nil
		case open != nil:
			open.text += line
		}
	}
	if open != nil {
		t.Fatalf("%s: the block at line %d is not closed", path, open.line)
	}
	return list
}

// elsewhere are commands of the README that CI runs as steps of their own: they
// would start this test again, or take long.
var elsewhere = []string{"go test ./...", "make bench", "make crash", "make fuzz"}

// TestTheCommandsOfTheReadmeRun runs the sh blocks from first to last, each as
// one script. A text block that follows is what it prints, IDs aside. A block
// that starts the broker goes on in the background for the rest.
func TestTheCommandsOfTheReadmeRun(t *testing.T) {
	if _, err := exec.LookPath("redis-cli"); err != nil {
		if os.Getenv("WEIR_REQUIRE_REDIS") != "" {
			t.Fatal(err)
		}
		t.Skip("redis-cli is not installed; WEIR_REQUIRE_REDIS=1 insists")
	}
	free, err := oracle.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(free)
	// The README takes the default port and directory; here another program may
	// have them.
	env := append(os.Environ(), "WEIR_PORT="+port, "WEIR_DIR="+t.TempDir())
	prelude := "set -euo pipefail\nredis-cli() { command redis-cli -p " + port + " \"$@\"; }\npython3() { /usr/bin/python3 \"$@\"; }\n"
	list := blocks(t, filepath.Join(root, "README.md"))
	ran := 0
	for i, b := range list {
		if b.language != "sh" {
			continue
		}
		ran++
		if skip := strings.TrimSpace(b.text); slices.Contains(elsewhere, skip) {
			continue
		}
		cmd := exec.Command("bash", "-c", prelude+b.text)
		cmd.Dir, cmd.Env = root, env
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if strings.Contains(b.text, "cmd/weir serve") {
			serveInBackground(t, cmd, port)
			continue
		}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("README.md:%d: %v\n%s%s", b.line, err, b.text, out)
		}
		if i+1 < len(list) && list[i+1].language == "text" {
			if got, want := withoutIDs(string(out)), withoutIDs(list[i+1].text); got != want {
				t.Errorf("README.md:%d prints\n%swhere the page shows\n%s", b.line, got, want)
			}
		}
	}
	if ran < 5 {
		t.Errorf("only %d blocks of commands found", ran)
	}
}

var ids = regexp.MustCompile(`\b\d{13}-\d+`)

func withoutIDs(s string) string { return ids.ReplaceAllString(s, "<id>") }

func serveInBackground(t *testing.T, cmd *exec.Cmd, port string) {
	t.Helper()
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	t.Cleanup(func() { // the whole group: go run does not pass signals on
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		<-done
		if t.Failed() {
			t.Logf("weir printed:\n%s", &output)
		}
	})
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if c, err := oracle.Dial(net.JoinHostPort("127.0.0.1", port)); err == nil {
			rep, err := c.Do("PING")
			_ = c.Close()
			if err == nil && rep.Text == "PONG" {
				return
			}
		}
		if time.Now().After(end) {
			t.Fatal("the broker does not answer")
		}
	}
}

// pages are the Markdown files of the repository.
func pages(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md", "examples/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	if len(all) < 10 {
		t.Fatalf("only %d pages found", len(all))
	}
	return all
}

var link = regexp.MustCompile(`\[([^\]]*)\]\(([^)\s]+)\)`)

// TestLinksLeadSomewhere: a link to a file of ours names one that exists; one
// whose text is the name of a test leads to the file that has it.
func TestLinksLeadSomewhere(t *testing.T) {
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			name, target := strings.Trim(m[1], "`"), m[2]
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			if err := leads(filepath.Dir(page), name, target); err != nil {
				t.Errorf("%s: [%s](%s): %v", page, m[1], target, err)
			}
		}
	}
}

func leads(from, name, target string) error {
	file, anchor, _ := strings.Cut(target, "#")
	if file == "" {
		return nil // inside the page
	}
	path := filepath.Join(from, file)
	if _, err := os.Stat(path); err != nil {
		return errors.Unwrap(err)
	}
	if !strings.HasPrefix(name, "Test") && !strings.HasPrefix(name, "Fuzz") {
		return nil
	}
	if anchor != "" {
		return errors.New("a test is named by its file alone")
	}
	text, err := os.ReadFile(path)
	if err == nil && !strings.Contains(string(text), "\nfunc "+name+"(") {
		err = fmt.Errorf("there is no %s", name)
	}
	return err
}

// TestEveryPromiseOfDurabilityNamesItsTest: each point of the contract ends in
// at least one link to a test.
func TestEveryPromiseOfDurabilityNamesItsTest(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "durability.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, contract, found := strings.Cut(string(text), "\n## The contract\n")
	if !found {
		t.Fatal("docs/durability.md has no section \"## The contract\"")
	}
	contract, _, _ = strings.Cut(contract, "\n## ")
	points := strings.Split(contract, "\n- ")[1:]
	if len(points) < 10 {
		t.Errorf("only %d points found", len(points))
	}
	for _, p := range points {
		if !strings.Contains(p, "[Test") {
			t.Errorf("no test is named by: %s", p)
		}
	}
}
