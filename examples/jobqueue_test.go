package examples_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weirmq/weir/internal/oracle"
)

// TestAJobQueueGivesEachResultToWhoWaitsForIt runs the server and two workers, and
// asks as its README does, and from many at a time.
func TestAJobQueueGivesEachResultToWhoWaitsForIt(t *testing.T) {
	const dir = "job-queue"
	needClient(t, dir, []string{"node", "-e", "require.resolve('redis'); require.resolve('express')"})
	binary, err := oracle.BuildWeir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	weir, err := oracle.StartWeir(binary, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer weir.Kill()
	url := strings.TrimPrefix(running(t, weir.Addr, dir, "server.js"), "listening on ")

	// There is no worker yet: the job waits.
	early := ask(t, "POST", url+"/jobs", `{"text": "early"}`, 202)
	if got := ask(t, "GET", url+"/jobs/"+early.ID+"?wait=0.05", "", 404); got.Result != "" {
		t.Errorf("without a worker there is the result %q", got.Result)
	}
	ask(t, "POST", url+"/jobs", `{"words": "none"}`, 400)
	for _, name := range []string{"ann", "bob"} {
		if got := running(t, weir.Addr, dir, "worker.js", name); got != name+" is waiting for jobs" {
			t.Fatal(got)
		}
	}
	if got := ask(t, "GET", url+"/jobs/"+early.ID+"?wait=20", "", 200); got.Result != "EARLY" || got.ID != early.ID {
		t.Errorf("the early job: %+v", got)
	}
	ask(t, "GET", url+"/jobs/"+early.ID, "", 404) // a result is given once

	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			got := ask(t, "POST", url+"/jobs?wait=20", fmt.Sprintf(`{"text": "job %d"}`, i), 200)
			if want := fmt.Sprintf("JOB %d", i); got.Result != want || got.Worker != "ann" && got.Worker != "bob" {
				t.Errorf("job %d: %+v", i, got)
			}
		})
	}
	all.Wait()
}

type jobReply struct{ ID, Result, Worker string }

// ask sends a request, and checks the status of the answer.
func ask(t *testing.T, method, url, body string, status int) (reply jobReply) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return reply
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return reply
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != status || json.Unmarshal(text, &reply) != nil {
		t.Errorf("%s %s: %s %s %v, want status %d", method, url, res.Status, text, err, status)
	}
	return reply
}

// running starts a program that goes on until the end of the test, and returns the
// first line that it prints.
func running(t *testing.T, addr, dir string, args ...string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "WEIR_HOST="+host, "WEIR_PORT="+port, "PORT=0")
	var errors bytes.Buffer
	cmd.Stderr = &errors
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() {
		late.Stop()
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		if t.Failed() && errors.Len() > 0 {
			t.Logf("%v printed:\n%s", args, errors.String())
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%v ended: %v", args, err)
	}
	late.Stop()
	return strings.TrimSpace(line)
}
