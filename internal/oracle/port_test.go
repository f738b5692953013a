package oracle_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/weirmq/weir/internal/oracle"
)

// TestAFreePortIsNobodyElses: neither a server that still listens nor one just killed shares its port, nor do the servers of
// two processes.
func TestAFreePortIsNobodyElses(t *testing.T) {
	next := func() int {
		t.Helper()
		port, err := oracle.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		return port
	}
	if os.Getenv("WEIR_PRINT_A_PORT") != "" {
		fmt.Println(next())
		return
	}

	first := next()
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(first)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	second, others := next(), 0
	for port := next(); port != second; port = next() {
		if port == first {
			t.Fatalf("port %d again, while somebody listens there", port)
		}
		if port/100 != first/100 {
			t.Fatalf("port %d is not of the block of %d", port, first)
		}
		others++
	}
	if others < 90 {
		t.Errorf("port %d again after %d others", second, others)
	}

	cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "WEIR_PRINT_A_PORT=1")
	out, err := cmd.Output()
	var theirs int
	if _, errScan := fmt.Sscan(string(out), &theirs); err != nil || errScan != nil {
		t.Fatalf("%v, %v: %s", err, errScan, out)
	}
	if theirs/100 == first/100 {
		t.Errorf("two processes have the block of port %d", first)
	}
}
