package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirmq/weir/internal/oracle"
)

// process is the program, running.
type process struct {
	*exec.Cmd
	stderr   io.Closer
	messages *bufio.Scanner // of stderr
}

// startProcess runs this test binary as weir, see TestMain.
func startProcess(t *testing.T, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "weir")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(dir, "weir"), append([]string{"serve", "--dir", filepath.Join(dir, "data")}, args...)...)
	cmd.Dir = dir // there is no configuration file
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return &process{cmd, stderr, bufio.NewScanner(stderr)}
}

// until reads messages up to one that holds the text.
func (p *process) until(t *testing.T, text string) string {
	t.Helper()
	var seen []string
	for p.messages.Scan() {
		if strings.Contains(p.messages.Text(), text) {
			return p.messages.Text()
		}
		seen = append(seen, p.messages.Text())
	}
	t.Fatalf("no message says %q:\n%s", text, strings.Join(seen, "\n"))
	return ""
}

func dialSocket(t *testing.T, path string) net.Conn {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	return c
}

// TestTheBrokerSurvivesWhoReadsItsMessages closes the terminal and the pipe of
// stderr: the broker goes on, and drains at SIGTERM, of which it has to say so.
func TestTheBrokerSurvivesWhoReadsItsMessages(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	p := startProcess(t, "--port", "0", "--unixsocket", socket)
	p.until(t, `"listening"`)
	if err := p.stderr.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	c := dialSocket(t, socket)
	if _, err := c.Write([]byte("PING\r\n")); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || line != "+PONG\r\n" {
		t.Errorf("PING answers %q: %v", line, err)
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
}

// TestSignalsOfOneMomentAreOne: only one that comes later ends at once.
func TestSignalsOfOneMomentAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signals, drains := make(chan os.Signal), 0
		ended := make(chan os.Signal, 1)
		go func() {
			ended <- obey(t.Context(), signals, func() { drains++ }, slog.New(slog.DiscardHandler))
		}()
		signals <- syscall.SIGTERM
		signals <- syscall.SIGTERM
		time.Sleep(sameSignal - 1)
		signals <- syscall.SIGINT
		synctest.Wait()
		if len(ended) > 0 || drains != 1 {
			t.Fatalf("drained %d times, ended at once: %v", drains, len(ended) > 0)
		}
		time.Sleep(time.Nanosecond)
		signals <- syscall.SIGINT
		if got := <-ended; got != syscall.SIGINT {
			t.Errorf("ended by %v", got)
		}
	})
}

func TestMissingPermissionIsExplainedByWhatLacksIt(t *testing.T) {
	denied := func(op string) error { return os.NewSyscallError(op, syscall.EACCES) }
	for _, c := range []struct {
		err        error
		want, lack string
	}{
		{&net.OpError{Op: "listen", Net: "tcp", Err: denied("bind")}, "choose another --port", "owner"},
		{&net.OpError{Op: "listen", Net: "unix", Err: denied("bind")}, "the directory of --unixsocket", "--port"},
		{&fs.PathError{Op: "open", Path: "/data/LOCK", Err: syscall.EACCES}, "access to /data/LOCK", "--port"},
		{&fs.PathError{Op: "open", Path: "/data/LOCK", Err: syscall.EIO}, "/data/LOCK", "access"},
	} {
		got := explain(fmt.Errorf("cannot start: %w", c.err))
		if !errors.Is(got, c.err) || !strings.Contains(got.Error(), c.want) || strings.Contains(got.Error(), c.lack) {
			t.Errorf("%v", got)
		}
	}
}

// TestASecondSignalEndsAtOnce holds up the drain with a client that does not
// read what it asked for.
func TestASecondSignalEndsAtOnce(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	p := startProcess(t, "--port", "0", "--unixsocket", socket)
	p.until(t, `"listening"`)
	c := dialSocket(t, socket)
	value := strings.Repeat("x", 1<<20)
	for range 8 {
		if _, err := fmt.Fprintf(c, "*5\r\n$4\r\nXADD\r\n$1\r\ns\r\n$1\r\n*\r\n$1\r\nf\r\n$%d\r\n%s\r\n", len(value), value); err != nil {
			t.Fatal(err)
		}
	}
	// Two replies of 8 MB are more than the socket holds. The first bytes show
	// that they have been asked for.
	if _, err := c.Write(bytes.Repeat([]byte("XRANGE s - +\r\n"), 2)); err != nil {
		t.Fatal(err)
	}
	replies := bufio.NewReader(c)
	for range 2*8 + 1 { // an ID has two lines
		if _, err := replies.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.until(t, "draining")
	ended := make(chan struct{})
	defer close(ended)
	go func() { // those of the first second do not count
		for tick := time.Tick(50 * time.Millisecond); ; {
			select {
			case <-tick:
				_ = p.Process.Signal(syscall.SIGTERM)
			case <-ended:
				return
			}
		}
	}()
	p.until(t, "ending at once")
	_ = p.Wait()
	if got := p.ProcessState.ExitCode(); got != exitFailed {
		t.Errorf("the exit status is %d, not %d", got, exitFailed)
	}
}

func TestTLSAsksForACertificateWhenItKnowsTheAuthority(t *testing.T) {
	dir := t.TempDir()
	authority := newAuthority(t)
	cert, key, ca := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "ca.pem")
	server := authority.issue(t)
	authority.write(t, ca)
	writePair(t, server, cert, key)

	for _, withAuthority := range []bool{false, true} {
		free, err := oracle.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		port := strconv.Itoa(free)
		args := []string{"--port", "0", "--bind", "127.0.0.1", "--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key}
		if withAuthority {
			args = append(args, "--tls-ca-cert-file", ca)
		}
		p := startProcess(t, args...)
		p.until(t, `"listening"`)
		for _, withCertificate := range []bool{false, true} {
			conf := &tls.Config{RootCAs: authority.pool(), ServerName: "localhost"}
			if withCertificate {
				conf.Certificates = []tls.Certificate{authority.issue(t)}
			}
			got := pingTLS(net.JoinHostPort("127.0.0.1", port), conf)
			if want := withCertificate || !withAuthority; (got == nil) != want {
				t.Errorf("authority %v, certificate %v: %v", withAuthority, withCertificate, got)
			}
		}
		if err := p.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		p.until(t, "draining")
		if err := p.Wait(); err != nil {
			t.Error(err)
		}
	}
}

func pingTLS(addr string, conf *tls.Config) error {
	c, err := tls.Dial("tcp", addr, conf)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := c.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err == nil && line != "+PONG\r\n" {
		err = fmt.Errorf("PING answers %q", line)
	}
	return err
}

// certificates for localhost, of an authority of our own.
type certificates struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) certificates {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificates{cert, key}
}

func (c certificates) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(c.cert)
	return pool
}

func (c certificates) issue(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, c.cert, &key.PublicKey, c.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (c certificates) write(t *testing.T, path string) {
	t.Helper()
	writePEM(t, path, "CERTIFICATE", c.cert.Raw)
}

func writePair(t *testing.T, pair tls.Certificate, cert, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, cert, "CERTIFICATE", pair.Certificate[0])
	writePEM(t, key, "PRIVATE KEY", der)
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
