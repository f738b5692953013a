package broker

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/log"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAnAcknowledgedEntrySurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	for _, mode := range []log.Sync{log.SyncAlways, log.SyncEverySecond, log.SyncNo} {
		use := func(o *Options) { o.Dir, o.Sync = dir+"/"+mode.String(), mode }
		b, stop := started(t, use)
		c := dial(t, b)
		c.expect("XADD s 1-1 f v", `"1-1"`)
		c.expect("XADD s 2-1 f w", `"2-1"`)
		c.expect("XDEL s 1-1", ":1")
		c.expect("SELECT 3", "+OK")
		c.expect("XADD s 7-7 f x", `"7-7"`)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		c = dial(t, running(t, use))
		c.expect("XRANGE s - +", `[["2-1" ["f" "w"]]]`)
		c.expect("SELECT 3", "+OK")
		c.expect("XRANGE s - +", `[["7-7" ["f" "x"]]]`)
	}
}

func TestBlockedReadersAreServedInOrderAndOnce(t *testing.T) {
	b := running(t, nil)
	var readers []*client
	for i := range 3 {
		c := dial(t, b)
		c.send("XREAD BLOCK 0 STREAMS s t $ $")
		waitFor(t, b, func() bool { return b.waiters.count == i+1 })
		readers = append(readers, c)
	}
	c := dial(t, b)
	c.expect("XADD s 1-1 f v", `"1-1"`)
	for _, r := range readers {
		if got := r.read(); got != `[["s" [["1-1" ["f" "v"]]]]]` {
			t.Errorf("woken reader got %s", got)
		}
	}
	c.expect("XADD t 1-1 f v", `"1-1"`)
	for _, r := range readers {
		r.expect("PING", "+PONG")
	}
}

// waitFor polls a condition of the broker's state under its lock.
func waitFor(t *testing.T, b *Broker, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		b.mu.Lock()
		ok := condition()
		b.mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the broker did not get there")
		}
	}
}

func TestABlockedClientThatVanishesIsForgotten(t *testing.T) {
	b := running(t, nil)
	c := dial(t, b)
	c.send("XREAD BLOCK 0 STREAMS s $")
	waitFor(t, b, func() bool { return b.waiters.count == 1 })
	c.conn.Close()
	waitFor(t, b, func() bool { return b.waiters.count == 0 && len(b.waiters.queues) == 0 && len(b.sessions) == 0 })
}

func TestABlockedReadTimesOutOnTime(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := running(t, func(o *Options) { o.Dir, o.Port, o.Goroutines = dir, 0, true })
		c, other := pipe(t, b), pipe(t, b)
		begun := time.Now()
		c.send("XREAD BLOCK 1500 STREAMS s $")
		other.send("XREAD BLOCK 700 STREAMS s $")
		if got := other.read(); got != "nil" || time.Since(begun) != 700*time.Millisecond {
			t.Errorf("%s after %v, want nil after 700ms", got, time.Since(begun))
		}
		other.expect("XADD elsewhere 1-1 f v", `"1-1"`)
		if got := c.read(); got != "nil" || time.Since(begun) != 1500*time.Millisecond {
			t.Errorf("%s after %v, want nil after 1.5s", got, time.Since(begun))
		}
		c.expect("PING", "+PONG")
	})
}

func TestATimeoutIsNotRestartedByEntriesThatDoNotMatch(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := running(t, func(o *Options) { o.Dir, o.Port, o.Goroutines = dir, 0, true })
		c, other := pipe(t, b), pipe(t, b)
		begun := time.Now()
		c.send("XREAD BLOCK 1000 STREAMS s 9-9")
		time.Sleep(600 * time.Millisecond)
		other.expect("XADD s 1-1 f v", `"1-1"`)
		if got := c.read(); got != "nil" || time.Since(begun) != time.Second {
			t.Errorf("%s after %v, want nil after 1s", got, time.Since(begun))
		}
	})
}

func TestUnblockAndKillEndAWait(t *testing.T) {
	b := running(t, nil)
	c, other := dial(t, b), dial(t, b)
	id := strings.TrimPrefix(c.do("CLIENT ID"), ":")
	for _, how := range []struct{ word, reply string }{{"TIMEOUT", "nil"}, {"ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK"}} {
		c.send("XREAD BLOCK 0 STREAMS s $")
		waitFor(t, b, func() bool { return b.waiters.count == 1 })
		other.expect("CLIENT UNBLOCK "+id+" "+how.word, ":1")
		if got := c.read(); got != how.reply {
			t.Errorf("%s: %s", how.word, got)
		}
		other.expect("CLIENT UNBLOCK "+id, ":0")
		c.expect("PING", "+PONG")
	}
	c.send("XREAD BLOCK 0 STREAMS s $")
	waitFor(t, b, func() bool { return b.waiters.count == 1 })
	other.expect("CLIENT KILL ID "+id, ":1")
	if _, err := c.tryRead(); err == nil {
		t.Error("a killed client got a reply")
	}
	waitFor(t, b, func() bool { return b.waiters.count == 0 })
}

func TestAnEndUnderLoadAnswersEverythingThatRan(t *testing.T) {
	dir := t.TempDir()
	b, stop := started(t, func(o *Options) { o.Dir = dir })
	c := pipe(t, b) // a socket's reset may overtake replies that were sent
	line := request("XADD", "s", "*", "f", "v")
	go func() {
		for {
			if _, err := io.WriteString(c.conn, strings.Repeat(line, 100)); err != nil {
				return
			}
		}
	}()
	answered := 0
	for ; answered < 1000; answered++ {
		c.read()
	}
	ended := make(chan error)
	go func() { ended <- stop() }()
	for {
		if _, err := c.tryRead(); err != nil {
			break
		}
		answered++
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	dial(t, running(t, func(o *Options) { o.Dir = dir })).expect("XLEN s", fmt.Sprint(":", answered))
}

func TestTheClockMayJumpAndIDsStillRise(t *testing.T) {
	var nowMS atomic.Int64
	nowMS.Store(1_700_000_000_000)
	dir := t.TempDir()
	last := ""
	jumps := []time.Duration{0, time.Hour, -time.Hour, -10 * 365 * 24 * time.Hour, 20 * 365 * 24 * time.Hour, -time.Millisecond, 0}
	for round := range 2 {
		b, stop := started(t, func(o *Options) { o.Dir, o.Now = dir, func() time.Time { return time.UnixMilli(nowMS.Load()) } })
		c := dial(t, b)
		for _, jump := range jumps {
			nowMS.Add(jump.Milliseconds())
			for range 3 {
				id := c.do("XADD s * f v")
				if !idAbove(id, last) {
					t.Fatalf("round %d, jump %v: %s after %s", round, jump, id, last)
				}
				last = id
			}
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestIDsRiseAcrossACrashWithTheClockSetBack(t *testing.T) {
	b := running(t, func(o *Options) { o.Now = func() time.Time { return time.UnixMilli(1_700_000_000_000) } })
	c := dial(t, b)
	c.expect("XADD s * f v", `"1700000000000-0"`)
	c.expect("XADD s * f v", `"1700000000000-1"`)
	crashed := t.TempDir() // what a kill leaves
	if err := os.CopyFS(crashed, os.DirFS(b.options.Dir)); err != nil {
		t.Fatal(err)
	}
	after := running(t, func(o *Options) {
		o.Dir, o.Now = crashed, func() time.Time { return time.UnixMilli(1_400_000_000_000) }
	})
	dial(t, after).expect("XADD s * f v", `"1700000000000-2"`)
}

func idAbove(id, than string) bool {
	var a, b [2]uint64
	fmt.Sscanf(id, "\"%d-%d\"", &a[0], &a[1])
	fmt.Sscanf(than, "\"%d-%d\"", &b[0], &b[1])
	return a[0] > b[0] || a[0] == b[0] && a[1] > b[1]
}

func TestAHalfClosedClientStillGetsItsReplies(t *testing.T) {
	b := running(t, nil)
	c := dial(t, b)
	for i := range 100 {
		c.send(fmt.Sprintf("XADD s %d-1 f v", i+1))
	}
	c.conn.(*net.TCPConn).CloseWrite()
	for i := range 100 {
		if got := c.read(); got != fmt.Sprintf(`"%d-1"`, i+1) {
			t.Fatalf("reply %d: %s", i, got)
		}
	}
	if _, err := c.r.ReadByte(); err != io.EOF {
		t.Errorf("after the last reply: %v, want EOF", err)
	}
}

func TestWithoutThePasswordNothingButAuthenticationRuns(t *testing.T) {
	b := running(t, func(o *Options) { o.RequirePass = "secret" })
	c := dial(t, b)
	c.expect("XADD s 1-1 f v", "-NOAUTH Authentication required.")
	c.expect("AUTH wrong", "-WRONGPASS invalid username-password pair or user is disabled.")
	c.expect("AUTH secret", "+OK")
	c.expect("XLEN s", ":0")
	c.expect("RESET", "+RESET")
	c.expect("XLEN s", "-NOAUTH Authentication required.")
}

func TestASecondBrokerOnTheDirectoryIsRefusedWithThePid(t *testing.T) {
	dir := t.TempDir()
	running(t, func(o *Options) { o.Dir = dir })
	o := DefaultOptions()
	o.Dir, o.Port = dir, AnyPort
	_, err := Open(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("%v, want a refusal that names process %d", err, os.Getpid())
	}
}

func TestANearlyFullDiskRefusesWhatGrowsAndAllowsWhatShrinks(t *testing.T) {
	o := DefaultOptions()
	o.Bind, o.Port, o.Dir = []string{"127.0.0.1"}, AnyPort, t.TempDir()
	b, err := Open(t.Context(), o) // and no Serve, which would look at the disk again
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	c := dial(t, b)
	c.expect("XADD s 1-1 f v", `"1-1"`)
	c.expect("XGROUP CREATE s g 0", "+OK")
	setReserve := func(reserve func(*disk) int64) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.disk.reserve = reserve(&b.disk)
	}
	setReserve(func(d *disk) int64 { return d.free - d.written - 50 }) // room for one entry
	c.expect("XADD s 2-1 f "+strings.Repeat("v", 60), `"2-1"`)
	if got := c.do("XADD s 3-1 f v"); !strings.HasPrefix(got, "-MISCONF ") {
		t.Errorf("XADD: %s", got)
	}
	c.expect("XLEN s", ":2")
	if got := c.do("XGROUP CREATE s h 0"); !strings.HasPrefix(got, "-MISCONF ") {
		t.Errorf("XGROUP CREATE: %s", got)
	}
	if got := c.do("XREADGROUP GROUP g c COUNT 1 STREAMS s >"); !strings.Contains(got, "1-1") {
		t.Errorf("while half of the reserve is there: %s", got)
	}
	setReserve(func(d *disk) int64 { return 2*(d.free-d.written) + 2 }) // less than half of it is left
	for _, line := range []string{"XREADGROUP GROUP g c STREAMS s 0", "XCLAIM s g c 0 1-1", "XAUTOCLAIM s g c 0 0", "XNACK s g FAIL IDS 1 1-1"} {
		if got := c.do(line); !strings.HasPrefix(got, "-MISCONF ") {
			t.Errorf("%s: %s", line, got)
		}
	}
	c.expect("XACK s g 1-1", ":1")
	c.expect("XTRIM s MAXLEN 1", ":1")
	c.expect("XGROUP DESTROY s g", ":1")
	c.expect("DEL s", ":1")
	setReserve(func(*disk) int64 { return 0 })
	c.expect("XADD s 3-1 f v", `"3-1"`)
}

func TestWhileTheLogIsReplayedOnlyWhatNeedsNoDataIsAnswered(t *testing.T) {
	b := running(t, nil)
	c := dial(t, b)
	b.mu.Lock()
	b.loading = true
	b.mu.Unlock()
	c.expect("PING", "-LOADING Redis is loading the dataset in memory")
	c.expect("XLEN s", "-LOADING Redis is loading the dataset in memory")
	if got := c.do("HELLO 3"); !strings.HasPrefix(got, `{"server" "redis"`) {
		t.Errorf("HELLO: %s", got)
	}
	if got := c.do("INFO persistence"); !strings.Contains(got, `loading:1\r\n`) {
		t.Errorf("INFO: %s", got)
	}
	b.mu.Lock()
	b.loading = false
	b.mu.Unlock()
	c.expect("XLEN s", ":0")
}

func TestACommandThatPanicsBeforeItChangesAnythingHarmsOnlyItsClient(t *testing.T) {
	b := running(t, nil)
	b.mu.Lock()
	b.table.Lookup([]byte("xlen")).Run = func(c *command.Call) error {
		c.Out.Array(5)
		panic("a bug")
	}
	b.mu.Unlock()
	c, other := dial(t, b), dial(t, b)
	c.expect("PING", "+PONG")
	c.expect("XLEN s", "-"+string(errInternal))
	if _, err := c.tryRead(); err != io.EOF {
		t.Errorf("the client whose command panicked: %v, want the end", err)
	}
	other.expect("XADD s 1-1 f v", `"1-1"`)
}

func TestEveryTransportServesTheSame(t *testing.T) {
	for _, loops := range []int{1, 4} {
		t.Run(fmt.Sprint(loops, " loops"), func(t *testing.T) { serveEveryTransport(t, loops) })
	}
}

func serveEveryTransport(t *testing.T, loops int) {
	certificate, pool := selfSigned(t)
	socket := t.TempDir() + "/weir.sock"
	b := running(t, func(o *Options) {
		o.Loops = loops
		o.UnixSocket, o.UnixSocketPerm = socket, 0o700
		o.TLS, o.TLSPort = &tls.Config{Certificates: []tls.Certificate{certificate}}, AnyPort
	})
	addrs := b.Addrs()
	secure, err := tls.Dial("tcp", addrs[2].String(), &tls.Config{RootCAs: pool, ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	local, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Dial("tcp", addrs[1].String())
	if err != nil {
		t.Fatal(err)
	}
	clients := []*client{newClient(t, secure), newClient(t, local), newClient(t, tcp), pipe(t, b)}
	for i, c := range clients {
		c.expect(fmt.Sprintf("XADD s %d-1 f v", i+1), fmt.Sprintf(`"%d-1"`, i+1))
	}
	for _, c := range clients {
		c.send("XREAD BLOCK 0 STREAMS woken $")
	}
	waitFor(t, b, func() bool { return b.waiters.count == len(clients) })
	extra := newClient(t, must(net.Dial("unix", socket)))
	extra.expect("XADD woken 1-1 f v", `"1-1"`)
	for _, c := range clients {
		if got := c.read(); got != `[["woken" [["1-1" ["f" "v"]]]]]` {
			t.Errorf("woken: %s", got)
		}
		c.expect("XLEN s", ":4")
	}
}

func must(c net.Conn, err error) net.Conn {
	if err != nil {
		panic(err)
	}
	return c
}

// selfSigned makes a certificate for localhost, and a pool that trusts it.
func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
