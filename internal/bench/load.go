package main

import (
	"encoding/csv"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// load is what redis-benchmark sends.
type load struct {
	connections, pipeline int
	command               []string
	preload               int // entries that the stream has before
}

// sample is what one run of a load shows.
type sample struct {
	perSecond float64 // requests
	p50, p99  float64 // latency, ms
	serverCPU float64 // seconds per request
	clientCPU float64 // share of a core that the client used
}

func (l load) args(port string, requests int) []string {
	args := []string{"-h", "127.0.0.1", "-p", port, "-c", strconv.Itoa(l.connections), "-P", strconv.Itoa(l.pipeline),
		"-n", strconv.Itoa(requests), "-r", "1000000000", "--csv"}
	return append(args, l.command...)
}

func (l load) prepare(addr string, _ int) error {
	if l.preload == 0 {
		return nil
	}
	_, err := load{connections: 50, pipeline: 16, command: xadd}.run(addr, l.preload)
	return err
}

func (l load) line(requests int) string {
	line := "`" + l.commandLine(requests) + "`"
	if l.preload > 0 {
		line = fmt.Sprintf("a stream of %d entries; %s", l.preload, line)
	}
	return line
}

func (l load) commandLine(requests int) string {
	words := append([]string{"redis-benchmark"}, l.args("PORT", requests)...)
	for i, w := range words {
		if strings.ContainsAny(w, "*$ ") {
			words[i] = "'" + w + "'"
		}
	}
	return strings.Join(words, " ")
}

func (l load) run(addr string, requests int) (sample, error) {
	return runBenchmark(addr, func(port string) []string { return l.args(port, requests) })
}

// runBenchmark runs redis-benchmark with --csv.
func runBenchmark(addr string, args func(port string) []string) (sample, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return sample{}, err
	}
	cmd := exec.Command("redis-benchmark", args(port)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	began := time.Now()
	out, err := cmd.Output()
	took := time.Since(began)
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w\n%s", cmd, err, stderr.String())
	}
	return parseCSV(string(out), (cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()).Seconds()/took.Seconds())
}

// parseCSV reads the last line of redis-benchmark --csv:
//
//	"name","rps","avg","min","p50","p95","p99","max"
func parseCSV(out string, clientCPU float64) (sample, error) {
	r := csv.NewReader(strings.NewReader(out))
	r.FieldsPerRecord = -1
	records, err := r.ReadAll()
	if err != nil || len(records) < 2 || len(records[len(records)-1]) != 8 {
		return sample{}, fmt.Errorf("redis-benchmark printed something else than figures:\n%s", out)
	}
	var figures [8]float64
	for i, field := range records[len(records)-1][1:] {
		if figures[i+1], err = strconv.ParseFloat(field, 64); err != nil {
			return sample{}, fmt.Errorf("redis-benchmark printed %q for a figure", field)
		}
	}
	return sample{perSecond: figures[1], p50: figures[4], p99: figures[6], clientCPU: clientCPU}, nil
}
