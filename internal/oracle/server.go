package oracle

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Server is a server process of our own, on a loopback port.
type Server struct {
	Addr   string
	Dir    string
	cmd    *exec.Cmd
	output *output
	exited chan struct{} // closed once the process is gone; err is set before
	err    error
}

// output collects what a process prints; its last part explains a failure.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// StartRedis starts a redis-server that persists nothing.
func StartRedis(dir string, args ...string) (*Server, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("redis-server", append([]string{"--port", strconv.Itoa(port), "--bind", "127.0.0.1",
		"--save", "", "--dir", dir}, args...)...)
	return start(cmd, port, dir)
}

// StartWeir starts the weir binary on a data directory.
func StartWeir(binary, dir string, args ...string) (*Server, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	return start(exec.Command(binary, WeirArgs(port, dir, args...)...), port, dir)
}

// StartWrapped starts weir below another program, as in "strace ... weir serve".
func StartWrapped(wrapper []string, binary, dir string, args ...string) (*Server, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	line := append(wrapper[1:len(wrapper):len(wrapper)], binary)
	return start(exec.Command(wrapper[0], append(line, WeirArgs(port, dir, args...)...)...), port, dir)
}

// StartWithoutWaiting starts weir and returns while it is still starting.
func StartWithoutWaiting(binary, dir string, args ...string) (*Server, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	return launch(exec.Command(binary, WeirArgs(port, dir, args...)...), port, dir)
}

// WeirArgs is the command line of a weir that listens on a port. The environment
// may add to it: WEIR_ARGS="--loops 4 --sync no".
func WeirArgs(port int, dir string, args ...string) []string {
	line := append([]string{"serve", "--port", strconv.Itoa(port), "--dir", dir}, strings.Fields(os.Getenv("WEIR_ARGS"))...)
	return append(line, args...)
}

func start(cmd *exec.Cmd, port int, dir string) (*Server, error) {
	s, err := launch(cmd, port, dir)
	if err != nil {
		return nil, err
	}
	if err := s.awaitReady(); err != nil {
		s.Kill()
		return nil, err
	}
	return s, nil
}

func launch(cmd *exec.Cmd, port int, dir string) (*Server, error) {
	s := &Server{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), Dir: dir, cmd: cmd, output: &output{}, exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = s.output, s.output
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		s.err = cmd.Wait()
		close(s.exited)
	}()
	return s, nil
}

// awaitReady waits until the server answers PING with something other than
// LOADING, or is gone.
func (s *Server) awaitReady() error {
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		select {
		case <-s.exited:
			return fmt.Errorf("oracle: %s exited (%v) before it answered:\n%s", filepath.Base(s.cmd.Path), s.err, s.output)
		default:
		}
		if c, err := Dial(s.Addr); err == nil {
			rep, err := c.Do("PING")
			_ = c.Close()
			if err == nil && rep.Kind != 'c' && !strings.HasPrefix(rep.Text, "LOADING") {
				return nil
			}
		}
		if time.Now().After(end) {
			return fmt.Errorf("oracle: %s does not answer:\n%s", filepath.Base(s.cmd.Path), s.output)
		}
	}
}

// Pid is the process started, which is the wrapper's where there is one.
func (s *Server) Pid() int { return s.cmd.Process.Pid }

// Exited is closed once the process is gone.
func (s *Server) Exited() <-chan struct{} { return s.exited }

// Err is how the process ended, nil for exit status 0; valid after Exited.
func (s *Server) Err() error { return s.err }

// Output is what the process has printed so far.
func (s *Server) Output() string { return s.output.String() }

// Crashed says that the process has printed what no server may print: a panic,
// or a report of the race detector. It returns the text from there on.
func (s *Server) Crashed() string {
	for _, sign := range []string{"WARNING: DATA RACE", "panic: ", "fatal error: "} {
		if out := s.Output(); strings.Contains(out, sign) {
			return out[strings.Index(out, sign):]
		}
	}
	return ""
}

// Signal sends a signal to the process.
func (s *Server) Signal(sig os.Signal) error { return s.cmd.Process.Signal(sig) }

// Kill ends the process as a power switch would and waits for its end.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill()
	<-s.exited
}

// Stop asks the process to end (SIGTERM) and returns how it did.
func (s *Server) Stop() error {
	_ = s.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
		return s.err
	case <-time.After(15 * time.Second):
		s.Kill()
		return fmt.Errorf("oracle: %s did not end within 15 s of SIGTERM:\n%s", filepath.Base(s.cmd.Path), s.output)
	}
}

// BuildWeir builds the binary into dir, unless WEIR_BIN names one.
func BuildWeir(dir string) (string, error) {
	if bin := os.Getenv("WEIR_BIN"); bin != "" {
		return bin, nil
	}
	bin := filepath.Join(dir, "weir")
	cmd := exec.Command("go", "build", "-o", bin, "github.com/weirmq/weir/cmd/weir")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("oracle: go build: %w\n%s", err, out)
	}
	return bin, showSources()
}

// showSources lists the directories that weir is built from. The test cache repeats a result as long as what the test has
// opened is unchanged, and it does not see what a go build has.
func showSources() error {
	const ours = "{{if .Module}}{{if .Module.Main}}{{.Dir}}{{end}}{{end}}"
	out, err := exec.Command("go", "list", "-deps", "-f", ours, "github.com/weirmq/weir/cmd/weir").Output()
	if err != nil {
		return fmt.Errorf("oracle: go list: %w", err)
	}
	for dir := range strings.Lines(string(out)) {
		if _, err := os.ReadDir(strings.TrimSpace(dir)); err != nil {
			return err
		}
	}
	return nil
}
