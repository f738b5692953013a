package checkpoint

import (
	"flag"
	"os"
	"testing"

	"github.com/weirmq/weir/internal/vfs"
)

var update = flag.Bool("update", false, "write testdata/format-1 again (only while no release has it)")

func TestEveryFormatIsStillRead(t *testing.T) {
	want := small(5)
	golden := vfs.OS{Root: "testdata/format-1"}
	if *update {
		if err := os.MkdirAll(golden.Root, 0o755); err != nil {
			t.Fatal(err)
		}
		mustWrite(t, golden, want)
	}
	if got, err := read(golden, 5); err != nil || !got.equal(want) {
		t.Errorf("%+v, %v", got.header, err)
	}
}
