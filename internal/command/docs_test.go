package command

import (
	"strings"
	"testing"

	"github.com/weirmq/weir/resp"
)

func testTable() *Table {
	nothing := Plain(func(*Call) error { return nil })
	return NewTable(
		[]Spec{{
			Name: "xlen", Group: Streams, Since: "5.0.0", Arity: 2, Syntax: "key", Summary: "Count entries.",
			Flags: ReadOnly | Fast, Keys: KeyAt(1).For("RO"), Run: nothing,
		}},
		[]Spec{WithHelp(Spec{
			Name: "box", Group: Connection, Since: "1.0.0", Arity: -2, Summary: "A container.",
			Sub: []Spec{{Name: "open", Since: "1.1.0", Arity: -2, Syntax: "[WIDE]", Summary: "Open it.", Complexity: "O(N)", Run: nothing}},
		}, "5.0.0")},
	)
}

func TestHelpNamesEverySubcommandAndItselfLast(t *testing.T) {
	help := testTable().Lookup([]byte("box")).Lookup([]byte("HELP"))
	out := resp.NewWriter(2)
	if err := help.Run(&Call{Out: out}); err != nil {
		t.Fatal(err)
	}
	want := "*5\r\n+BOX <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n+OPEN [WIDE]\r\n+    Open it.\r\n+HELP\r\n+    Prints this help.\r\n"
	if got := string(out.Bytes()); got != want {
		t.Errorf("got %q", got)
	}
}

func TestTheReferenceHoldsEveryCommandOnce(t *testing.T) {
	var b strings.Builder
	if err := WriteDocs(&b, testTable()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\n## stream\n", "\n### XLEN\n\n```\nXLEN key\n```\n\nCount entries.\n\nSince 5.0.0. O(1). ACL: @read @stream @fast.\n",
		"\n### BOX OPEN\n\n```\nBOX OPEN [WIDE]\n```\n", "\n### BOX HELP\n",
	} {
		if strings.Count(b.String(), want) != 1 {
			t.Errorf("%q is not there once:\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "### BOX\n") {
		t.Error("a container that does nothing by itself is documented")
	}
}

func TestKeySpecificationsAreDerivedFromKeys(t *testing.T) {
	for name, c := range map[string]struct {
		spec Spec
		want KeySpec
	}{
		"one key":   {Spec{Keys: KeyAt(1), Flags: Write}, KeySpec{Flags: []string{"RW", "update"}, Index: 1, Step: 1}},
		"two keys":  {Spec{Keys: Keys{First: 1, Last: 2, Step: 1}}, KeySpec{Flags: []string{"RO", "access"}, Index: 1, LastKey: 1, Step: 1}},
		"all keys":  {Spec{Keys: KeysFrom(1).For("RM delete")}, KeySpec{Flags: []string{"RM", "delete"}, Index: 1, LastKey: -1, Step: 1}},
		"a keyword": {Spec{Keys: KeysAfter("STREAMS", 1)}, KeySpec{Flags: []string{"RO", "access"}, Keyword: "STREAMS", From: 1, LastKey: -1, Step: 1, Limit: 2}},
	} {
		got := c.spec.KeySpecs()
		if len(got) != 1 || strings.Join(got[0].Flags, " ") != strings.Join(c.want.Flags, " ") {
			t.Errorf("%s: %+v", name, got)
			continue
		}
		got[0].Flags, c.want.Flags = nil, nil
		if g, w := got[0], c.want; g.Index != w.Index || g.Keyword != w.Keyword || g.From != w.From || g.LastKey != w.LastKey ||
			g.Step != w.Step || g.Limit != w.Limit {
			t.Errorf("%s: %+v, want %+v", name, g, w)
		}
	}
	if (&Spec{}).KeySpecs() != nil {
		t.Error("a command without keys has a key specification")
	}
}
