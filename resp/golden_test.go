package resp

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var record = flag.Bool("record", false, "record testdata/golden.txt from redis-server")

// malformed is what a server may be sent that is not quite a request, and some of what is. Replies are in
// testdata/golden.txt, recorded from redis-server by "go test -run TestRedisStillAnswersAsRecorded -record".
var malformed = []struct {
	name     string
	password bool // the server wants one and the client has not shown it
	request  string
}{
	{"bulk length overflows when two is added", false, "*1\r\n$9223372036854775807\r\nx"},
	{"bulk length beyond 64 bits", false, "*1\r\n$9223372036854775808\r\n"},
	{"bulk length of twenty digits", false, "*1\r\n$99999999999999999999\r\n"},
	{"multibulk length nine quintillions", false, "*9000000000000000000\r\n"},
	{"multibulk length above int", false, "*2147483648\r\n"},
	{"multibulk length of int", false, "*2147483647\r\n"},
	{"a billion arguments announced", false, "*1000000000\r\n"},
	{"bulk one above the limit", false, "*1\r\n$536870913\r\n"},
	{"bulk at the limit", false, "*1\r\n$536870912\r\n"},
	{"negative bulk", false, "*1\r\n$-1\r\n"},
	{"negative multibulk is ignored", false, "*-5\r\nPING\r\n"},
	{"very negative multibulk is ignored", false, "*-9223372036854775808\r\nPING\r\n"},
	{"too negative multibulk", false, "*-9223372036854775809\r\nPING\r\n"},
	{"empty multibulk is ignored", false, "*0\r\nPING\r\n"},
	{"blank lines are ignored", false, "\r\n\n\r\n   \r\nPING\r\n"},
	{"leading zero", false, "*01\r\n$4\r\nPING\r\n"},
	{"double zero", false, "*00\r\n"},
	{"plus sign", false, "*+1\r\n$4\r\nPING\r\n"},
	{"minus zero", false, "*-0\r\n"},
	{"minus alone", false, "*-\r\n"},
	{"no number", false, "*\r\n"},
	{"no bulk number", false, "*1\r\n$\r\n"},
	{"bulk leading zero", false, "*1\r\n$04\r\nPING\r\n"},
	{"blank before the number", false, "*1\r\n$ 4\r\nPING\r\n"},
	{"blank after the number", false, "*1\r\n$4 \r\nPING\r\n"},
	{"letters for a number", false, "*abc\r\n"},
	{"hex for a number", false, "*0x1\r\n"},
	{"colon for dollar", false, "*1\r\n:5\r\n"},
	{"line end for dollar", false, "*1\r\n\r\n"},
	{"newline for dollar", false, "*1\r\n\n\r\n"},
	{"high byte for dollar", false, "*1\r\n\xff\r\n"},
	{"star for dollar", false, "*2\r\n$4\r\nPING\r\n*1\r\n"},
	{"what follows a bulk is skipped unseen", false, "*1\r\n$4\r\nPINGxy*1\r\n$4\r\nPING\r\n"},
	{"what follows a carriage return is skipped unseen", false, "*1\rx$4\ryPING\r\n"},
	{"header without carriage return", false, "*1\n$4\nPING\r\n"},
	{"a NUL in a header hides its end", false, "*1\x00\r\n$4\r\nPING\r\n"},
	{"a NUL in an inline command hides its end", false, "PI\x00NG\r\nPING\r\n"},
	{"a NUL in a bulk is a byte", false, "*2\r\n$4\r\nECHO\r\n$3\r\na\x00b\r\n"},
	{"an empty bulk", false, "*2\r\n$4\r\nECHO\r\n$0\r\n\r\n"},
	{"half a command waits", false, "*2\r\n$4\r\nECHO\r\n$3\r\nab"},
	{"half a header waits", false, "*2\r\n$4\r\nECHO\r\n$3\r"},
	{"inline", false, "PING\r\n"},
	{"inline with newline only", false, "PING\n"},
	{"inline with blanks", false, "  \t ECHO \t  hello   \r\n"},
	{"inline vertical tab between words", false, "ECHO \v hello\r\n"},
	{"inline vertical tab inside a word", false, "ECHO a\vb\r\n"},
	{"inline form feed inside a word", false, "ECHO a\fb\r\n"},
	{"inline carriage return inside a line", false, "ECHO a\rb\r\n"},
	{"inline two carriage returns", false, "ECHO a\r\r\n"},
	{"inline double quotes", false, "ECHO \"a b\"\r\n"},
	{"inline escapes", false, `ECHO "\n\r\t\b\a\x41\xfF\q\\\""` + "\r\n"},
	{"inline half a hex escape", false, `ECHO "\x4"` + "\r\n"},
	{"inline bad hex escape", false, `ECHO "\x4g"` + "\r\n"},
	{"inline single quotes", false, `ECHO 'a\'b\n"c'` + "\r\n"},
	{"inline single quoted backslash at the end", false, `ECHO 'a\\'` + "\r\n"},
	{"inline empty quotes", false, `ECHO ""` + "\r\n"},
	{"inline quotes open inside a word", false, `ECHO foo"bar baz"` + "\r\n"},
	{"inline single quotes open inside a word", false, `ECHO foo'bar baz'` + "\r\n"},
	{"inline unbalanced double quotes", false, "SET \"a\r\n"},
	{"inline unbalanced single quotes", false, "SET 'a\r\n"},
	{"inline text behind closing quotes", false, "ECHO \"a\"b\r\n"},
	{"inline text behind closing single quotes", false, "ECHO 'a'b\r\n"},
	{"inline vertical tab behind closing quotes", false, "ECHO \"a\"\vb\r\n"},
	{"inline backslash before the end", false, "ECHO \"a\\\r\n"},
	{"inline of a star in the middle", false, "ECHO *1\r\n"},
	{"inline after multibulk and back", false, "*1\r\n$4\r\nPING\r\nPING\r\n*1\r\n$4\r\nPING\r\n"},
	{"inline of 70 KB", false, strings.Repeat("a", 70<<10)},
	{"inline of 60 KB", false, "PING" + strings.Repeat(" ", 60<<10) + "\r\n"},
	{"multibulk count of 70 KB", false, "*" + strings.Repeat("1", 70<<10)},
	{"bulk count of 70 KB", false, "*1\r\n$" + strings.Repeat("1", 70<<10)},
	{"commands before an error are answered", false, "PING\r\nPING\r\n*x\r\nPING\r\n"},
	{"POST", false, "POST / HTTP/1.1\r\nHost: x\r\n\r\n"},
	{"post in lower case", false, "post\r\n"},
	{"Host", false, "Host: 127.0.0.1\r\nPING\r\n"},
	{"POST as an array", false, "*1\r\n$4\r\nPOST\r\n"},
	{"GET of HTTP ends at its Host", false, "ECHO a\r\nHost: x\r\n"},
	{"unauthenticated eleven arguments", true, "*11\r\n"},
	{"unauthenticated ten arguments", true, "*10\r\n"},
	{"unauthenticated bulk above 16384", true, "*1\r\n$16385\r\n"},
	{"unauthenticated bulk of 16384", true, "*2\r\n$4\r\nECHO\r\n$16384\r\n" + strings.Repeat("a", 16384) + "\r\n"},
	{"unauthenticated too large in all", true, "*1\r\n$536870913\r\n"},
	{"unauthenticated too many in all", true, "*2147483648\r\n"},
	{"authenticated in the same pipeline", true, "AUTH secret\r\n*11\r\n"},
	{"unauthenticated inline", true, "PING\r\n"},
}

// answer is what came back, and whether the server closed.
type answer struct {
	reply  string
	closed bool
}

func (a answer) String() string {
	if a.closed {
		return fmt.Sprintf("%q closed", a.reply)
	}
	return fmt.Sprintf("%q open", a.reply)
}

func readGolden(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open("testdata/golden.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	golden := map[string]string{}
	scan := bufio.NewScanner(f)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		if name, reply, ok := strings.Cut(scan.Text(), " => "); ok && !strings.HasPrefix(name, "#") {
			golden[name] = reply
		}
	}
	if err := scan.Err(); err != nil {
		t.Fatal(err)
	}
	return golden
}

func TestMalformedRequestsGetTheAnswersRecordedFromRedis(t *testing.T) {
	golden := readGolden(t)
	for _, m := range malformed {
		t.Run(m.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newFake(Config{})
				h.password = m.password
				client, server := net.Pipe()
				h.srv.ServeConn(server)
				var got bytes.Buffer
				closed := false
				go func() {
					io.Copy(&got, client)
					closed = true
				}()
				go io.WriteString(client, m.request)
				synctest.Wait()
				// Only an unfinished answer is told from a finished one by time; in the bubble it costs none.
				a := answer{got.String(), closed}
				client.Close()
				synctest.Wait()
				if want := golden[m.name]; a.String() != want {
					t.Errorf("got  %s\nwant %s", a, want)
				}
				if err := h.check(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestRedisStillAnswersAsRecorded(t *testing.T) {
	socket := startRedis(t)
	var out bytes.Buffer
	out.WriteString("# What redis-server 7.0.15 answers to the requests of golden_test.go; recorded, not written.\n")
	answers := make([]answer, len(malformed))
	for _, password := range []bool{false, true} {
		setPassword(t, socket, password)
		done := make(chan error, len(malformed))
		started := 0
		for i, m := range malformed {
			if m.password != password {
				continue
			}
			started++
			go func() {
				var err error
				answers[i], err = ask(socket, m.request)
				done <- err
			}()
		}
		for range started {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, m := range malformed {
		fmt.Fprintf(&out, "%s => %s\n", m.name, answers[i])
	}
	if *record {
		if err := os.WriteFile("testdata/golden.txt", out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden := readGolden(t)
	for i, m := range malformed {
		if a := answers[i].String(); a != golden[m.name] {
			t.Errorf("%s:\ngot      %s\nrecorded %s", m.name, a, golden[m.name])
		}
	}
}

// ask sends a request to a real server and waits a while for all that comes back.
func ask(socket, request string) (answer, error) {
	nc, err := net.Dial("unix", socket)
	if err != nil {
		return answer{}, err
	}
	defer nc.Close()
	io.WriteString(nc, request) // fails when the server closes early, which the answer shows
	var reply bytes.Buffer
	nc.SetReadDeadline(time.Now().Add(time.Second))
	_, err = io.Copy(&reply, nc)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return answer{reply.String(), false}, nil
	}
	return answer{reply.String(), true}, nil
}

func setPassword(t *testing.T, socket string, on bool) {
	t.Helper()
	if !on {
		return
	}
	a, err := ask(socket, "CONFIG SET requirepass secret\r\n")
	if err != nil || a.reply != "+OK\r\n" {
		t.Fatal(a, err)
	}
}

// startRedis runs a redis-server of its own and returns the path of its socket. Without one installed the test is
// skipped, unless WEIR_REQUIRE_REDIS is set, as CI does.
func startRedis(t *testing.T) string {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("WEIR_REQUIRE_REDIS") != "" {
			t.Fatal("WEIR_REQUIRE_REDIS is set and there is no redis-server: ", err)
		}
		t.Skip("no redis-server to compare with")
	}
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	cmd := exec.Command(binary, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", dir, "--loglevel", "warning")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, stdout)
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for range 500 {
		if a, err := ask(socket, "QUIT\r\n"); err == nil && a.reply == "+OK\r\n" {
			return socket
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("redis-server at " + strconv.Quote(socket) + " does not answer")
	return ""
}
