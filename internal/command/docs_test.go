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
