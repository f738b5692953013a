package broker

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// A pipeline whose commands name elements of one large collection: they are looked at before the first command runs, which
// may be the one that takes them away.
func TestPipelinesOfALargeCollectionAnswerAsOneByOne(t *testing.T) {
	for _, keys := range []int{0, 10_000} { // beside the collections: few, or so many that keys are looked at together, too
		t.Run(fmt.Sprint(keys), func(t *testing.T) { pipelineOfALargeCollection(t, keys) })
	}
}

func pipelineOfALargeCollection(t *testing.T, keys int) {
	b := running(t, nil)
	c := dial(t, b)
	const n = 10_000
	for from := 0; from < keys; from += 1000 {
		mset := []string{"MSET"}
		for i := from; i < from+1000; i++ {
			mset = append(mset, fmt.Sprint("key:", i), "v")
		}
		c.expect(strings.Join(mset, " "), "+OK")
	}
	for from := 0; from < n; from += 1000 {
		hset, sadd, zadd := []string{"HSET", "h"}, []string{"SADD", "s"}, []string{"ZADD", "z"}
		for i := from; i < from+1000; i++ {
			e := fmt.Sprint("element:", i)
			hset, sadd, zadd = append(hset, e, "old"), append(sadd, e), append(zadd, fmt.Sprint(i), e)
		}
		for _, words := range [][]string{hset, sadd, zadd} {
			c.expect(strings.Join(words, " "), ":1000")
		}
	}
	var commands, want []string
	add := func(reply, format string, args ...any) {
		commands, want = append(commands, fmt.Sprintf(format, args...)), append(want, reply)
	}
	for i := range 40 { // more than are looked at together
		add(":0", "HSET h element:%d new", i*7)
	}
	for i := range 40 {
		add(`"new"`, "HGET h element:%d", i*7)
		add(":1", "HSET h another:%d new", i)
	}
	for i := range 40 {
		add(":0", "ZADD z %d element:%d", i, i*11)
		add(fmt.Sprintf("%q", fmt.Sprint(i)), "ZSCORE z element:%d", i*11)
		add(":1", "ZADD z %d another:%d", i, i)
	}
	for i := range 40 {
		add(":1", "SISMEMBER s element:%d", i)
		add(":1", "SREM s element:%d", i)
		add(":0", "SISMEMBER s element:%d", i)
	}
	add(":1", "HDEL h element:1")
	add(":1", "DEL h")
	add(":1", "HSET h element:2 anew")
	add("nil", "HGET h element:0")
	add(":1", "HLEN h")
	var pipeline strings.Builder
	for _, line := range commands {
		pipeline.WriteString(request(strings.Fields(line)...))
	}
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(c.conn, pipeline.String())
		sent <- err
	}()
	for i, line := range commands {
		if got := c.read(); got != want[i] {
			t.Fatalf("%d: %s: %s, want %s", i, line, got, want[i])
		}
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}
