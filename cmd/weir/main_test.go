package main

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/weirmq/weir/internal/oracle"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"weir": main})
}

// TestScripts runs testdata/*.txtar against the program. Besides testscript's
// own commands there are
//
//	freeport NAME          sets the environment variable to a port nobody listens on
//	ready PORT             waits until the broker there answers
//	ask PORT WORD...       sends a command, and prints the reply
//	status N COMMAND...    runs a program that must exit with that status
//	term                   sends SIGTERM to the program started last
//	shutdown PORT [WORD]   sends SHUTDOWN, which answers nothing
//	damage DIR             flips a byte in the first segment of a log
//	damagefile DIR         flips a byte in the middle of the last file of a directory
//	fill PORT KEY N        appends N entries to a stream
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "config"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"freeport": freePort, "ready": ready, "ask": ask, "status": status, "damage": damage, "shutdown": shutdown, "term": term,
			"damagefile": damageFile, "fill": fill,
		},
	})
}

func freePort(ts *testscript.TestScript, _ bool, args []string) {
	port, err := oracle.FreePort()
	ts.Check(err)
	ts.Setenv(args[0], strconv.Itoa(port))
}

// connect opens a connection, with the password of WEIR_REQUIREPASS if there is one.
func connect(ts *testscript.TestScript, port string) (*oracle.Conn, error) {
	c, err := oracle.Dial(net.JoinHostPort("127.0.0.1", port))
	if password := ts.Getenv("WEIR_REQUIREPASS"); err == nil && password != "" {
		_, err = c.Do("AUTH", password)
	}
	return c, err
}

func ready(ts *testscript.TestScript, _ bool, args []string) {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		c, err := connect(ts, args[0])
		if err == nil {
			var rep oracle.Reply
			rep, err = c.Do("PING")
			_ = c.Close()
			if err == nil && rep.Text == "PONG" {
				return
			}
		}
		if time.Now().After(end) {
			ts.Fatalf("nobody answers: %v", err)
		}
	}
}

func ask(ts *testscript.TestScript, _ bool, args []string) {
	c, err := connect(ts, args[0])
	ts.Check(err)
	defer func() { _ = c.Close() }()
	rep, err := c.Do(args[1:]...)
	ts.Check(err)
	_, err = ts.Stdout().Write([]byte(rep.String() + "\n"))
	ts.Check(err)
}

func term(ts *testscript.TestScript, _ bool, _ []string) {
	started := ts.BackgroundCmds()
	ts.Check(started[len(started)-1].Process.Signal(syscall.SIGTERM))
}

func shutdown(ts *testscript.TestScript, _ bool, args []string) {
	c, err := connect(ts, args[0])
	ts.Check(err)
	defer func() { _ = c.Close() }()
	if rep, err := c.Do(append([]string{"SHUTDOWN"}, args[1:]...)...); err == nil && rep.Kind != 'c' {
		ts.Fatalf("SHUTDOWN answers %s", rep)
	}
}

func status(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("the exit status is %d, not %d", got, want)
	}
}

func damage(ts *testscript.TestScript, _ bool, args []string) {
	segments, err := filepath.Glob(ts.MkAbs(filepath.Join(args[0], "log", "*", "*")))
	ts.Check(err)
	if len(segments) == 0 {
		ts.Fatalf("there is no segment")
	}
	content, err := os.ReadFile(segments[0])
	ts.Check(err)
	content[len(content)/3] ^= 0x40
	ts.Check(os.WriteFile(segments[0], content, 0o600))
}

func damageFile(ts *testscript.TestScript, _ bool, args []string) {
	files, err := filepath.Glob(ts.MkAbs(filepath.Join(args[0], "*")))
	ts.Check(err)
	if len(files) == 0 {
		ts.Fatalf("there is no file")
	}
	last := files[len(files)-1]
	content, err := os.ReadFile(last)
	ts.Check(err)
	content[len(content)/2] ^= 0x40
	ts.Check(os.WriteFile(last, content, 0o600))
}

func fill(ts *testscript.TestScript, _ bool, args []string) {
	c, err := connect(ts, args[0])
	ts.Check(err)
	defer func() { _ = c.Close() }()
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	for i := range n {
		rep, err := c.Do("XADD", args[1], "*", "number", strconv.Itoa(i))
		ts.Check(err)
		if rep.Kind == '-' {
			ts.Fatalf("XADD answers %s", rep)
		}
	}
}
