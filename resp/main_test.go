package resp

import (
	"flag"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// The test binary is also the client of tests that need a process of its own for its descriptors.
func TestMain(m *testing.M) {
	if role := os.Getenv("WEIR_RESP_TEST_ROLE"); role != "" {
		os.Exit(playRole(role))
	}
	flag.Parse()
	goleak.VerifyTestMain(m)
}
