package oracle_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/oracle"
)

// tableRow is one command as COMMAND describes it.
type tableRow struct {
	name, arity, flags, keys, categories, tips, keySpecs string
	docs                                                 string // what of COMMAND DOCS says when the command came, and where it belongs
	tokens                                               []string
	subcommands                                          []tableRow
}

// parseRow reads one element of a COMMAND reply in RESP3, where sets are sets.
func parseRow(t *testing.T, r oracle.Reply) tableRow {
	t.Helper()
	if len(r.Elems) != 10 {
		t.Fatalf("a command of COMMAND has %d elements, redis 7.0 has 10:\n%s", len(r.Elems), r)
	}
	text := func(i int) string {
		return strings.Join(strings.Fields(sameOrder(r.Elems[i]).String()), " ")
	}
	row := tableRow{
		name:       r.Elems[0].Text,
		arity:      r.Elems[1].Text,
		flags:      text(2),
		keys:       r.Elems[3].Text + " " + r.Elems[4].Text + " " + r.Elems[5].Text,
		categories: text(6),
		tips:       text(7),
		keySpecs:   text(8),
	}
	for _, sub := range r.Elems[9].Elems {
		row.subcommands = append(row.subcommands, parseRow(t, sub))
	}
	return row
}

// sameOrder sorts sets.
func sameOrder(r oracle.Reply) oracle.Reply {
	elems := slices.Clone(r.Elems)
	for i, e := range elems {
		elems[i] = sameOrder(e)
	}
	r.Elems = elems
	if r.Kind == '~' {
		r = oracle.Normalise(r, "sorted")
	}
	return r
}

// addDocs adds to the table what COMMAND DOCS says of its commands.
func addDocs(table map[string]tableRow, docs oracle.Reply) {
	for i := 0; i+1 < len(docs.Elems); i += 2 {
		name, doc := docs.Elems[i].Text, docs.Elems[i+1]
		row := table[name]
		for j := 0; j+1 < len(doc.Elems); j += 2 {
			what, value := doc.Elems[j].Text, doc.Elems[j+1]
			switch what {
			case "since", "group", "deprecated_since", "replaced_by":
				row.docs += what + " " + value.Text + "; "
			case "arguments":
				row.addArguments(value)
			case "subcommands":
				addDocs(table, value)
			}
		}
		table[name] = row
	}
}

// addArguments collects the keywords of arguments, and in docs which specification is that of which key.
func (row *tableRow) addArguments(arguments oracle.Reply) {
	for _, argument := range arguments.Elems {
		for i := 0; i+1 < len(argument.Elems); i += 2 {
			switch value := argument.Elems[i+1]; argument.Elems[i].Text {
			case "token":
				row.tokens = append(row.tokens, value.Text)
			case "key_spec_index":
				row.docs += "key " + value.Text + "; "
			case "arguments":
				row.addArguments(value)
			}
		}
	}
}

// commandTable asks a server for its commands, subcommands included.
func commandTable(t *testing.T, addr string) map[string]tableRow {
	t.Helper()
	c, err := oracle.Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := c.MustDo("HELLO", "3"); err != nil {
		t.Fatal(err)
	}
	rep, err := c.MustDo("COMMAND")
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]tableRow{}
	var add func(row tableRow)
	add = func(row tableRow) {
		table[row.name] = row
		for _, sub := range row.subcommands {
			add(sub)
		}
	}
	for _, e := range rep.Elems {
		add(parseRow(t, e))
	}
	if len(table) == 0 {
		t.Fatal("COMMAND lists nothing")
	}
	docs, err := c.MustDo("COMMAND", "DOCS")
	if err != nil {
		t.Fatal(err)
	}
	addDocs(table, docs)
	return table
}

// accepted reads the table below the heading "COMMAND" of docs/compat.md: rows
// of command, what differs (new, arity, flags, keys, categories, tips, key specs,
// docs, keywords), why.
func accepted(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "compat.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## COMMAND\n")
	if !found {
		t.Fatal("docs/compat.md has no section \"## COMMAND\"")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	rows := map[string]string{}
	for line := range strings.SplitSeq(section, "\n") {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|--") || strings.Contains(line, "| command ") {
			continue
		}
		// A subcommand is written client\|id, so that the table stays a table.
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "\x00"), "|")
		if len(cells) != 5 {
			t.Fatalf("docs/compat.md: expected | command | what | why |, got %s", line)
		}
		name := strings.ReplaceAll(strings.Trim(cells[1], " `"), "\x00", "|")
		if strings.TrimSpace(cells[3]) == "" {
			t.Errorf("docs/compat.md: no reason given: %s", line)
		}
		for what := range strings.SplitSeq(cells[2], ",") {
			rows[name+" "+strings.TrimSpace(what)] = line
		}
	}
	return rows
}

func TestTheCommandTableIsRedissExceptAsDocumented(t *testing.T) {
	theirs, ours, exceptions := commandTable(t, redisServer(t)), commandTable(t, judged(t)), accepted(t)
	used := map[string]bool{}
	check := func(name, what, want, got string) {
		if want == got {
			return
		}
		if exceptions[name+" "+what] == "" {
			t.Errorf("%s: %s\nredis: %s\nweir:  %s", name, what, want, got)
		}
		used[name+" "+what] = true
	}
	for name, our := range ours {
		their, known := theirs[name]
		if !known {
			check(name, "new", "", "not a command of redis 7.0.15")
			continue
		}
		check(name, "arity", their.arity, our.arity)
		check(name, "flags", their.flags, our.flags)
		check(name, "keys", their.keys, our.keys)
		check(name, "categories", their.categories, our.categories)
		check(name, "tips", their.tips, our.tips)
		check(name, "key specs", their.keySpecs, our.keySpecs)
		check(name, "docs", their.docs, our.docs)
		check(name, "keywords", strings.Join(their.tokens, " "), strings.Join(wantedTokens(their.tokens, our.tokens), " "))
	}
	for row, line := range exceptions {
		if !used[row] {
			t.Errorf("docs/compat.md excuses what is no difference any more: %s", line)
		}
	}
}

// wantedTokens returns those of the wanted keywords that we have; more than Redis has are no difference.
func wantedTokens(wanted, have []string) []string {
	var both []string
	for _, token := range wanted {
		if slices.Contains(have, token) {
			both = append(both, token)
		}
	}
	return both
}

// TestEveryCommandIsInATranscript keeps new commands from coming unjudged.
func TestEveryCommandIsInATranscript(t *testing.T) {
	seen := map[string]bool{}
	for _, folder := range []string{"redis", "weir"} {
		files, err := filepath.Glob(filepath.Join("testdata", folder, "*.txt"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			tr, err := oracle.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range tr.Commands() {
				seen[name] = true
			}
		}
	}
	for name := range commandTable(t, judged(t)) {
		if !seen[name] {
			t.Errorf("%s is in no transcript", name)
		}
	}
}

func TestEveryCommandRefusesTheWrongNumberOfArguments(t *testing.T) {
	addr := judged(t)
	table := commandTable(t, addr)
	c, err := oracle.Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	for name, row := range table {
		arity, err := strconv.Atoi(row.arity)
		if err != nil {
			t.Fatalf("%s: arity %q", name, row.arity)
		}
		words := strings.Split(name, "|")
		counts := []int{arity - 1, arity + 1}
		if arity < 0 {
			counts = []int{-arity - 1}
		}
		for _, n := range counts {
			if n < len(words) {
				continue
			}
			args := slices.Clone(words)
			for len(args) < n {
				args = append(args, "1")
			}
			rep, err := c.Do(args...)
			if err != nil {
				t.Fatalf("%v: %v", args, err)
			}
			want := fmt.Sprintf("-ERR wrong number of arguments for '%s' command", name)
			if rep.String() != want {
				t.Errorf("%v:\n%s", args, oracle.Contrast([]string{want}, rep.Lines()))
			}
		}
	}
}

// TestCommandAndItsSubcommandsAgree holds COUNT, LIST, INFO and DOCS against
// COMMAND itself.
func TestCommandAndItsSubcommandsAgree(t *testing.T) {
	addr := judged(t)
	c, err := oracle.Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := c.MustDo("HELLO", "3"); err != nil {
		t.Fatal(err)
	}
	do := func(args ...string) oracle.Reply {
		rep, err := c.MustDo(args...)
		if err != nil {
			t.Fatal(err)
		}
		return rep
	}
	all := do("COMMAND")
	if got, want := do("COMMAND", "COUNT").Text, strconv.Itoa(len(all.Elems)); got != want {
		t.Errorf("COMMAND COUNT is %s, COMMAND has %s", got, want)
	}
	if info := do("COMMAND", "INFO"); len(info.Elems) != len(all.Elems) {
		t.Errorf("COMMAND INFO has %d, COMMAND %d", len(info.Elems), len(all.Elems))
	}
	list := do("COMMAND", "LIST")
	docs := do("COMMAND", "DOCS")
	for name, row := range commandTable(t, addr) {
		if !slices.ContainsFunc(list.Elems, func(e oracle.Reply) bool { return e.Text == name }) {
			t.Errorf("COMMAND LIST lacks %s", name)
		}
		info := do("COMMAND", "INFO", name)
		if len(info.Elems) != 1 || parseRow(t, info.Elems[0]).arity != row.arity {
			t.Errorf("COMMAND INFO %s has %d elements", name, len(info.Elems))
		}
		if strings.Contains(name, "|") {
			continue
		}
		at := slices.IndexFunc(docs.Elems, func(e oracle.Reply) bool { return e.Text == name })
		if at < 0 || at+1 >= len(docs.Elems) || !strings.Contains(docs.Elems[at+1].String(), `"summary"`) {
			t.Errorf("COMMAND DOCS has no summary of %s", name)
		}
	}
}
