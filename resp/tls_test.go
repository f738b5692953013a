package resp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

var testCertificate = sync.OnceValues(func() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Unix(1<<33, 0),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
})

func serverTLS(t *testing.T) *tls.Config {
	t.Helper()
	cert, err := testCertificate()
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}}
}

func TestAClientThatSpeaksNoTLSIsLeftAlone(t *testing.T) {
	r := newRig(t, Config{TLS: serverTLS(t)}, "tls")
	nc, err := net.Dial("tcp", r.addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.Write([]byte("PING\r\nPING\r\n"))
	nc.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		if _, err := nc.Read(make([]byte, 512)); err != nil {
			break
		}
	}
	if n := r.h.opened; n != 0 {
		t.Error("it became a connection")
	}
}

// Sockets that never say a word of TLS must not get past maxclients, behind which the log's descriptors are.
func TestUnfinishedHandshakesCountAsClients(t *testing.T) {
	r := newRig(t, Config{TLS: serverTLS(t), MaxClients: 10}, "tls")
	var silent []net.Conn
	defer func() {
		for _, nc := range silent {
			nc.Close()
		}
	}()
	for range 30 {
		nc, err := net.Dial("tcp", r.addr().String())
		if err != nil {
			t.Fatal(err)
		}
		silent = append(silent, nc)
	}
	eventually(t, "all were looked at", func() bool { return r.srv.Stats().Accepted == 30 })
	if s := r.srv.Stats(); s.Connected != 10 || s.Rejected != 20 {
		t.Errorf("%d connected, %d rejected", s.Connected, s.Rejected)
	}
	refused := 0
	for _, nc := range silent[10:] {
		nc.SetReadDeadline(time.Now().Add(20 * time.Second))
		if n, err := nc.Read(make([]byte, 1)); n == 0 && !errors.Is(err, os.ErrDeadlineExceeded) {
			refused++
		}
	}
	if refused != 20 {
		t.Error(refused, " were closed")
	}
	for _, nc := range silent[:10] {
		nc.Close()
	}
	eventually(t, "they are forgotten", func() bool { return r.srv.Stats().Connected == 0 })
	c := r.dial()
	c.send("PING\r\n")
	c.expect("+PONG")
	if n := r.srv.Stats().Connected; n != 1 {
		t.Error(n, " connected")
	}
}

func TestShutdownDoesNotWaitForHandshakes(t *testing.T) {
	r := newRig(t, Config{TLS: serverTLS(t)}, "tls")
	nc, err := net.Dial("tcp", r.addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	eventually(t, "accepted", func() bool { return r.srv.Stats().Connected == 1 })
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	start := time.Now()
	if err := r.srv.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > handshakeTimeout/2 {
		t.Error("it took ", took)
	}
}

// The last words of a TLS connection wait for room in the socket; nobody waits for them.
func TestAKilledTLSClientThatDoesNotReadIsClosedAtOnce(t *testing.T) {
	r := newRig(t, Config{TLS: serverTLS(t)}, "tls")
	c := r.dial()
	c.send("BULK 50000000\r\n")
	eventually(t, "served", func() bool { return r.executed() == 1 })
	conn := r.conn(1)
	var sent uint64
	eventually(t, "the socket is full", func() bool {
		was := sent
		sent = r.srv.Stats().NetOut
		time.Sleep(20 * time.Millisecond)
		return sent == was
	})
	start := time.Now()
	conn.Kill()
	eventually(t, "closed", func() bool { return r.closed() == 1 })
	if took := time.Since(start); took > 3*time.Second {
		t.Error("it took ", took)
	}
}
