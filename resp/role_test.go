package resp

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// crowd is a process that holds many connections, so that their client ends cost this one no descriptors.
//
//	dial n      opens n connections more, says "ok" or the error
//	ping        sends PING on each and reads what comes, says how many got +PONG
type crowd struct {
	t   *testing.T
	cmd *exec.Cmd
	in  interface{ Write([]byte) (int, error) }
	out *bufio.Reader
}

func startCrowd(t *testing.T, addr string) *crowd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "WEIR_RESP_TEST_ROLE=crowd", "WEIR_RESP_TEST_ADDR="+addr)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	return &crowd{t: t, cmd: cmd, in: in, out: bufio.NewReader(out)}
}

func (c *crowd) tell(format string, args ...any) {
	c.t.Helper()
	if _, err := fmt.Fprintf(c.in, format+"\n", args...); err != nil {
		c.t.Fatal(err)
	}
}

func (c *crowd) hear() string {
	c.t.Helper()
	line, err := c.out.ReadString('\n')
	if err != nil {
		c.t.Fatal(err)
	}
	return line[:len(line)-1]
}

func playRole(role string) int {
	if role != "crowd" {
		fmt.Fprintln(os.Stderr, "no such role: ", role)
		return 2
	}
	var conns []net.Conn
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var verb, arg string
		fmt.Sscan(in.Text(), &verb, &arg)
		switch verb {
		case "dial":
			n, _ := strconv.Atoi(arg)
			answer := "ok"
			for range n {
				nc, err := net.Dial("tcp", os.Getenv("WEIR_RESP_TEST_ADDR"))
				if err != nil {
					answer = err.Error()
					break
				}
				conns = append(conns, nc)
			}
			fmt.Println(answer)
		case "ping":
			for _, nc := range conns {
				fmt.Fprint(nc, "PING\r\n")
			}
			pongs := 0
			for _, nc := range conns {
				if line, _ := bufio.NewReader(nc).ReadString('\n'); line == "+PONG\r\n" {
					pongs++
				}
			}
			fmt.Println(pongs)
		}
	}
	return 0
}
