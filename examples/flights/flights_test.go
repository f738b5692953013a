package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"
)

// TestTheExamplePrintsWhatItsReadmeShows runs it as a newcomer does, with a
// broker of its own.
func TestTheExamplePrintsWhatItsReadmeShows(t *testing.T) {
	var out strings.Builder
	from := time.Date(2001, 3, 1, 0, 0, 0, 0, time.UTC)
	if err := run(t.Context(), options{stream: "flights", from: from, top: 5}, &out); err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(readme), "```text\n")
	shown, _, _ = strings.Cut(shown, "```")
	if shown == "" || !strings.HasPrefix(out.String(), shown) { // the README leaves out the end
		t.Errorf("it prints\n%swhere its README shows\n%s", &out, shown)
	}
}

func TestAStreamWithAPastIsLeftAlone(t *testing.T) {
	own, err := startBroker()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := own.stop(); err != nil {
			t.Error(err)
		}
	}()
	o := options{addr: own.addr, stream: "taken", from: time.Unix(0, 0), top: 1}
	if err := run(context.Background(), o, new(strings.Builder)); err != nil {
		t.Fatal(err)
	}
	if err := run(context.Background(), o, new(strings.Builder)); err == nil || !strings.Contains(err.Error(), "20000 entries already") {
		t.Errorf("%v", err)
	}
}

func TestDelaysAreMeansOfTheAirportsOfDeparture(t *testing.T) {
	var d delays
	for _, e := range []struct{ origin, delay string }{{"JFK", "10"}, {"JFK", "-4"}, {"SEA", "5"}, {"BOS", "100"}} {
		if err := d.add("1-1", map[string]any{"origin": e.origin, "delay": e.delay}); err != nil {
			t.Fatal(err)
		}
	}
	worst := d.worst(2, 1)
	if len(worst) != 2 || worst[0].code != "BOS" || worst[1].code != "SEA" || d.airports["JFK"].mean() != 3 || d.flights != 4 {
		t.Errorf("%+v", d)
	}
	if few := d.worst(9, 2); len(few) != 1 || few[0].code != "JFK" {
		t.Errorf("with two flights or more: %+v", few)
	}
	if d.add("2-1", map[string]any{"delay": "5"}) == nil || d.add("3-1", map[string]any{"origin": "JFK", "delay": "late"}) == nil {
		t.Error("what is no flight is counted as one")
	}
}
