package resp

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// statusKB reads a line of /proc/self/status.
func statusKB(t *testing.T, field string) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			n, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("no ", field)
	return 0
}

func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestThoseWhoComeBeforeTheCommitAreServedFirst(t *testing.T) {
	r := newRig(t, Config{Loops: 1}, "unix") // what is sent has arrived: with TCP that may take a moment
	clients := make([]*client, 3)
	for i := range clients {
		clients[i] = r.dial()
		clients[i].send("PING\r\n")
		clients[i].expect("+PONG")
	}
	clients[0].send("GATE\r\n")
	<-r.h.atGate
	clients[1].send("PING\r\n") // the loop will find them when the turn of the first is over
	clients[2].send("PING\r\n")
	close(r.h.gate)
	for _, c := range clients[1:] {
		c.expect("+PONG")
	}
	r.stop()
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	if r.h.commits >= r.h.turns {
		t.Errorf("%d commits of %d turns", r.h.commits, r.h.turns)
	}
}

func TestTenThousandIdleConnectionsCostLittle(t *testing.T) {
	const connections = 10_000
	if most := maxDescriptors(); most < connections+200 {
		t.Fatal("the limit on open files is ", most, ": this test needs ", connections+200)
	}
	r := newRig(t, Config{MaxClients: connections}, "tcp")
	crowd := startCrowd(t, r.addr().String())
	crowd.tell("dial 1")
	crowd.hear()
	debug.FreeOSMemory()
	before := statusKB(t, "VmRSS")
	start := time.Now()
	crowd.tell("dial %d", connections-1)
	if got := crowd.hear(); got != "ok" {
		t.Fatal(got)
	}
	crowd.tell("ping")
	if got := crowd.hear(); got != fmt.Sprint(connections) {
		t.Fatal(got, " of them got an answer")
	}
	took := time.Since(start)
	debug.FreeOSMemory()
	each := (statusKB(t, "VmRSS") - before) * 1024 / connections
	t.Logf("%d bytes of RSS per idle connection; connected and answered in %v", each, took)
	if each > 4096*memoryFactor {
		t.Errorf("an idle connection costs %d bytes", each)
	}
	tooMany := r.dial()
	tooMany.expect("-ERR max number of clients reached")
	if n := r.h.opened; n != connections {
		t.Error(n, " were opened")
	}
	runtime.KeepAlive(r)
}

func TestAcceptBacksOffWithoutDescriptorsAndRecovers(t *testing.T) {
	for _, goroutines := range []bool{false, true} {
		t.Run(fmt.Sprint("goroutines ", goroutines), func(t *testing.T) {
			r := newRig(t, Config{Goroutines: goroutines}, "tcp")
			crowd := startCrowd(t, r.addr().String())
			crowd.tell("dial 5")
			crowd.hear()
			eventually(t, "five are open", func() bool { return r.srv.Stats().Connected == 5 })

			var old unix.Rlimit
			if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
				t.Fatal(err)
			}
			low := old
			low.Cur = uint64(descriptors() + 3)
			if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
				t.Fatal(err)
			}
			restored := false
			restore := func() {
				if !restored {
					restored = true
					if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
						t.Fatal(err)
					}
				}
			}
			defer restore()
			crowd.tell("dial 20") // the kernel completes them; nobody accepts the last ones
			crowd.hear()
			eventually(t, "accept fails", func() bool { return r.srv.Stats().AcceptErrors > 0 })
			start, cpu, failed := time.Now(), cpuTime(t), r.srv.Stats().AcceptErrors
			eventually(t, "it fails again", func() bool { return r.srv.Stats().AcceptErrors >= failed+3 })
			took := time.Since(start)
			if took < 2*acceptBackOff {
				t.Errorf("it was tried three times in %v", took)
			}
			if used := cpuTime(t) - cpu; used > took/2 {
				t.Errorf("%v of processor time in %v: it spins", used, took)
			}
			restore()
			crowd.tell("ping")
			if got := crowd.hear(); got != "25" {
				t.Error(got, " of 25 were served in the end")
			}
		})
	}
}

func TestMaxClientsLeavesDescriptorsForTheLog(t *testing.T) {
	var said bytes.Buffer
	h := newFake(Config{MaxClients: 1 << 30, Logger: testLogger(&said)})
	if got, want := h.srv.maxClients.Load(), int64(maxDescriptors()-reservedDescriptors); got != want {
		t.Errorf("maxclients is %d, want %d", got, want)
	}
	if !strings.Contains(said.String(), "maxclients reduced") {
		t.Error("nobody was told: ", said.String())
	}
	if got := h.srv.SetMaxClients(7); got != 7 || h.srv.maxClients.Load() != 7 {
		t.Error(got)
	}
	said.Reset()
	if got := h.srv.SetMaxClients(1 << 30); got != maxDescriptors()-reservedDescriptors || said.Len() > 0 {
		t.Error(got, " and under the handler's lock: ", said.String())
	}
}

func TestUnixSocketsRemoveOnlySockets(t *testing.T) {
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree")
	file := filepath.Join(dir, "file")
	if err := os.MkdirAll(filepath.Join(tree, "precious"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	h := newFake(Config{UnixMode: 0o600})
	for _, path := range []string{tree, file} {
		if err := h.srv.Listen("unix", path); err == nil || !strings.Contains(err.Error(), "not a socket") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := os.Stat(filepath.Join(tree, "precious")); err != nil {
		t.Error(err)
	}

	socket := filepath.Join(dir, "s")
	leftover, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	leftover.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := h.srv.Listen("unix", socket); err == nil || !strings.Contains(err.Error(), "another server") {
		t.Error("a socket in use: ", err)
	}
	leftover.Close()
	r := newRigAt(t, Config{UnixMode: 0o600}, "unix", socket)
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	c := r.dial()
	c.send("PING\r\n")
	c.expect("+PONG")
	if got := r.conn(1).RemoteAddr(); got != socket+":0" {
		t.Error("a client of a unix socket is shown as ", got)
	}
	if err := os.Remove(socket); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(socket, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	r.stop()
	if b, err := os.ReadFile(socket); err != nil || string(b) != "precious" {
		t.Error("what came in the socket's place was removed: ", err)
	}
}

func TestASocketIsRemovedAtTheEnd(t *testing.T) {
	for _, goroutines := range []bool{false, true} {
		socket := filepath.Join(t.TempDir(), "s")
		r := newRigAt(t, Config{Goroutines: goroutines}, "unix", socket)
		r.stop()
		if _, err := os.Lstat(socket); !os.IsNotExist(err) {
			t.Error("it is still there: ", err)
		}
	}
}

// A loop whose clients do not read, send or leave must sleep, not spin on a level-triggered event.
func TestALoopSleepsWhateverItsClientsLeaveUndone(t *testing.T) {
	r := newRig(t, Config{}, "tcp")
	held, stuck, ahead, stalled := r.dial(), r.dial(), r.dial(), r.dial()
	held.send("APPEND\r\n")
	held.closeWrite() // half-closed with a held reply
	stuck.send(strings.Repeat("BULK 1000000\r\n", 20))
	stuck.closeWrite() // half-closed and reads nothing
	ahead.send("BLOCK\r\n")
	go ahead.Write(bytes.Repeat([]byte("PING\r\n"), 2*blockedReadSize/6)) // blocked, and sends more than is read
	stalled.send("STALL 9\r\n")
	stalled.closeWrite() // half-closed while stalled
	eventually(t, "all served", func() bool { return r.executed() == 22 })
	other := r.dial()
	other.send("PING\r\n")
	other.expect("+PONG")
	eventually(t, "the blocked one's socket is full", func() bool { return r.conn(3).Info().QueryBuffer >= blockedReadSize })
	cpu, start := cpuTime(t), time.Now()
	time.Sleep(300 * time.Millisecond)
	if used, took := cpuTime(t)-cpu, time.Since(start); used > took/4 {
		t.Errorf("%v of processor time in %v", used, took)
	}
	if n := r.conn(3).Info().QueryBuffer; n > blockedReadSize+readSize {
		t.Error("a blocked client sent ", n, " bytes ahead")
	}
	r.srv.Release(9)
	held.expect(":1")
	held.expectEnd()
	stalled.expect(":9")
	stalled.expectEnd()
	ahead.reset() // an end behind bytes that nobody reads would not arrive
	eventually(t, "the blocked one is gone", func() bool { return r.closed() == 3 })
}

// A wake-up costs an eventfd write only for a loop that sleeps; none may be lost for that.
func TestNoReleaseIsLostBetweenLookingAndSleeping(t *testing.T) {
	r := newRig(t, Config{Loops: 2}, "tcp")
	a, b := r.dial(), r.dial()
	for i := uint64(1); i <= 6_000; i += 2 {
		a.send("APPEND\r\n")
		b.send("APPEND\r\n")
		eventually(t, "appended", func() bool { r.h.mu.Lock(); defer r.h.mu.Unlock(); return r.h.last == i+1 })
		r.srv.Release(i + 1)
		if _, err := a.reply(); err != nil {
			t.Fatal(i, err)
		}
		if _, err := b.reply(); err != nil {
			t.Fatal(i, err)
		}
	}
}
