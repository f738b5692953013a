package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/weirmq/weir/log"
	"github.com/weirmq/weir/stream/store"
)

// digest is all that clients can see of some streams.
func digest(t *testing.T, b *Broker, keys ...string) string {
	t.Helper()
	c := dial(t, b)
	defer c.conn.Close()
	var d strings.Builder
	for _, key := range keys {
		for _, line := range []string{"XLEN %s", "XRANGE %s - +", "XREVRANGE %s + - COUNT 3", "XINFO GROUPS %s", "XPENDING %s g", "XPENDING %s g - + 10000"} {
			line = fmt.Sprintf(line, key)
			fmt.Fprintln(&d, line, c.do(line))
		}
	}
	return d.String()
}

// crashed copies the data directory as a process that is killed now would leave it.
func crashed(t *testing.T, b *Broker) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(b.options.Dir)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// changes makes random changes to the streams s0 to s3.
func changes(c *client, rng *rand.Rand, n int) {
	c.t.Helper()
	for range n {
		key := fmt.Sprint("s", rng.IntN(4))
		switch rng.IntN(12) {
		case 0:
			c.do(fmt.Sprintf("XDEL %s 1700000000000-%d 1700000000000-%d", key, rng.IntN(300), rng.IntN(300)))
		case 1:
			c.do(fmt.Sprintf("XTRIM %s MAXLEN %d", key, 150+rng.IntN(100)))
		case 2:
			c.do("XGROUP CREATE " + key + " g 0 MKSTREAM")
		case 3, 4:
			c.do("XREADGROUP GROUP g c COUNT 20 STREAMS " + key + " >")
		case 5:
			c.do(fmt.Sprintf("XACK %s g 1700000000000-%d 1700000000000-%d", key, rng.IntN(300), rng.IntN(300)))
		case 6:
			c.do(fmt.Sprintf("XAUTOCLAIM %s g d 0 1700000000000-%d COUNT 3 JUSTID", key, rng.IntN(300)))
		case 7:
			if rng.IntN(20) == 0 {
				c.do("DEL " + key)
			}
		default:
			c.do(fmt.Sprintf("XADD %s * number %d name %s", key, rng.IntN(1000), strings.Repeat("x", rng.IntN(40))))
		}
	}
}

func TestTheStateIsTheSameAfterEveryRestart(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	dir := t.TempDir()
	use := func(o *Options) {
		tiny(o)
		o.StreamSegmentSize = 4 << 10
		o.Dir, o.Now = dir, fixedClock
	}
	keys := []string{"s0", "s1", "s2", "s3"}
	want := ""
	for round := range 12 {
		b, stop := started(t, use)
		if got := digest(t, b, keys...); round > 0 && got != want {
			t.Fatalf("round %d:\n%s\nwant\n%s", round, got, want)
		}
		c := dial(t, b)
		for range rng.IntN(4) {
			changes(c, rng, 200)
			if rng.IntN(2) == 0 {
				c.expect("SAVE", "+OK")
			}
			if rng.IntN(2) == 0 {
				spilledAll(t, b)
			}
		}
		changes(c, rng, 300)
		want = digest(t, b, keys...)
		killed := crashed(t, b)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if rng.IntN(2) == 0 {
			dir = killed
		}
	}
}

func TestCheckpointsSpillingAndManyClientsAtOnceLoseNothing(t *testing.T) {
	dir := t.TempDir()
	use := func(o *Options) {
		tiny(o)
		o.StreamCacheSize = 8 << 10
		o.StreamSegmentSize = 8 << 10
		o.Dir, o.Now, o.Sync, o.Loops = dir, fixedClock, log.SyncEverySecond, 2
	}
	keys := []string{"s0", "s1", "s2", "s3"}
	want := ""
	for round := range 4 {
		b, stop := started(t, use)
		if got := digest(t, b, keys...); round > 0 && got != want {
			t.Fatalf("round %d:\n%s\nwant\n%s", round, got, want)
		}
		var busy sync.WaitGroup
		var over atomic.Bool
		for i := range 4 {
			c := dial(t, b)
			busy.Go(func() { changes(c, rand.New(rand.NewPCG(uint64(round), uint64(i))), 400) })
		}
		saver, flusher := dial(t, b), dial(t, b)
		saved := make(chan struct{})
		go func() {
			defer close(saved)
			for !over.Load() {
				saver.do("SAVE")
				flusher.do("SELECT 0")
				flusher.do("XRANGE s1 - + COUNT 50")
				flusher.do("SELECT 1")
				flusher.do("FLUSHDB")
				for i := range 30 {
					flusher.do(fmt.Sprintf("XADD other * number %d name %s", i, strings.Repeat("y", 50)))
				}
			}
		}()
		busy.Wait()
		over.Store(true)
		<-saved
		want = digest(t, b, keys...)
		killed := crashed(t, b)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if round%2 == 0 {
			dir = killed
		}
	}
}

func TestAfterACleanStopThereIsNothingToReplay(t *testing.T) {
	dir := t.TempDir()
	use := func(o *Options) { tiny(o); o.Dir = dir }
	for _, how := range []struct {
		line    string
		records uint64
	}{{"", 0}, {"SHUTDOWN NOSAVE", 100}, {"SHUTDOWN SAVE", 0}, {"", 0}} {
		b, stop := started(t, use)
		c := dial(t, b)
		c.do("DEL s")
		c.fillFrom("s", 1, 99)
		if how.line != "" {
			c.send(how.line)
			if got, err := c.tryRead(); err == nil {
				t.Errorf("%s: %s", how.line, got)
			}
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		b, stop = started(t, use)
		dial(t, b).expect("XLEN s", ":99")
		if b.recovery.records != how.records {
			t.Errorf("%q: %d records were replayed, want %d", how.line, b.recovery.records, how.records)
		}
		before := b.checkpointer.number
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if how.records == 0 && b.checkpointer.number != before {
			t.Errorf("%q: a checkpoint was made though nothing had changed", how.line)
		}
	}
}

// withHistory makes a directory with two checkpoints, a log behind them, and segment files, and says what clients see.
func withHistory(t *testing.T) (dir, want string) {
	t.Helper()
	b := running(t, func(o *Options) { tiny(o); o.StreamSegmentSize = 8 << 10 })
	c := dial(t, b)
	for i := range 3 {
		c.fillFrom("s", 1000*i+1, 1000*i+500)
		spilledAll(t, b)
		if i < 2 {
			c.expect("SAVE", "+OK")
		}
	}
	c.expect("XGROUP CREATE s g 0", "+OK")
	return crashed(t, b), digest(t, b, "s")
}

// files lists the names in a subdirectory of a data directory, in order.
func files(t *testing.T, dir, sub string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, sub))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, filepath.Join(dir, sub, e.Name()))
	}
	return names
}

// flip changes a bit in the middle of a file.
func flip(t *testing.T, path string, at int) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[at] ^= 1
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestADamagedNewestCheckpointCostsOnlyTime(t *testing.T) {
	dir, want := withHistory(t)
	checkpoints := files(t, dir, "checkpoints")
	if len(checkpoints) != 2 {
		t.Fatalf("%d checkpoints", len(checkpoints))
	}
	for _, at := range []int{5, 100} { // the header, the state
		damaged := t.TempDir()
		if err := os.CopyFS(damaged, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		flip(t, files(t, damaged, "checkpoints")[1], at)
		use := func(o *Options) { tiny(o); o.Dir = damaged }
		b, stop := started(t, use)
		if b.recovery.records < 1000 {
			t.Errorf("%d records were replayed", b.recovery.records)
		}
		if got := digest(t, b, "s"); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		if moved := files(t, damaged, "quarantine"); len(moved) != 1 {
			t.Errorf("in quarantine: %v", moved)
		}
		dial(t, b).expect("SAVE", "+OK")
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		b = running(t, use)
		if got := digest(t, b, "s"); got != want {
			t.Errorf("afterwards\n%s\nwant\n%s", got, want)
		}
	}
}

// refusal is why a broker does not start on a directory, which it leaves as it was.
func refusal(t *testing.T, dir string) error {
	t.Helper()
	o := DefaultOptions()
	o.Bind, o.Port, o.Dir = []string{"127.0.0.1"}, AnyPort, dir
	before := listing(t, dir)
	b, err := Open(context.Background(), o)
	if err == nil {
		b.close()
		t.Fatal("the broker starts")
	}
	if after := listing(t, dir); after != before {
		t.Errorf("the directory was changed from\n%s to\n%s", before, after)
	}
	return err
}

func listing(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != "LOCK" {
			info, _ := d.Info()
			fmt.Fprintln(&all, path, info.Size())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func TestADirectoryWithoutAGoodCheckpointIsRefused(t *testing.T) {
	dir, _ := withHistory(t)
	for _, path := range files(t, dir, "checkpoints") {
		flip(t, path, 100)
	}
	if err := refusal(t, dir); !strings.Contains(err.Error(), filepath.Base(files(t, dir, "checkpoints")[1])) {
		t.Error(err)
	}
}

func TestAMissingSegmentFileIsFoundAtTheStart(t *testing.T) {
	dir, _ := withHistory(t)
	first := files(t, dir, "segments")[0]
	if err := os.Remove(first); err != nil {
		t.Fatal(err)
	}
	if err := refusal(t, dir); !strings.Contains(err.Error(), filepath.Base(first)) {
		t.Error(err)
	}
}

func TestALogThatEndsBeforeACheckpointIsRefused(t *testing.T) {
	b := running(t, tiny)
	c := dial(t, b)
	c.fillFrom("s", 1, 100)
	c.expect("SAVE", "+OK")
	early := crashed(t, b)
	c.fillFrom("s", 101, 200)
	c.expect("SAVE", "+OK")
	late := crashed(t, b)
	if err := os.RemoveAll(filepath.Join(late, "log")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(late, "log"), os.DirFS(filepath.Join(early, "log"))); err != nil {
		t.Fatal(err)
	}
	if err := refusal(t, late); !strings.Contains(err.Error(), ":200, and the log ends at ") {
		t.Error(err)
	}
}

func TestADamagedBlockIsDataLossAndNothingElseIs(t *testing.T) {
	dir, _ := withHistory(t)
	flip(t, files(t, dir, "segments")[0], 300)
	b := running(t, func(o *Options) { tiny(o); o.Dir = dir })
	c := dial(t, b)
	if got := c.do("XRANGE s - + COUNT 100"); !strings.HasPrefix(got, "-DATALOSS the entries 17-0 to 32-0 ") || !strings.Contains(got, "'s'") || !strings.Contains(got, "segments/") {
		t.Errorf("XRANGE: %s", got)
	}
	if got := c.do("XRANGE s 100-0 + COUNT 10"); strings.Count(got, "entry") != 10 {
		t.Errorf("XRANGE: %s", got)
	}
	if got := c.do("XDEL s 20-0"); !strings.HasPrefix(got, "-DATALOSS ") {
		t.Errorf("XDEL: %s", got)
	}
	c.expect("XLEN s", ":1500")
	c.expect("XTRIM s MINID 600-0", ":500")
	if got := c.do("XRANGE s - + COUNT 100"); strings.Count(got, "entry") != 100 {
		t.Errorf("XRANGE: %s", got)
	}
	if got := c.do("INFO persistence"); !strings.Contains(got, "loading:0") {
		t.Error(got)
	}
}

func TestADeletedStreamGivesItsSpaceBackWithoutARestart(t *testing.T) {
	b := running(t, func(o *Options) { tiny(o); o.StreamSegmentSize = 8 << 10 })
	c := dial(t, b)
	c.fillFrom("s", 1, 5000)
	c.fillFrom("t", 1, 10)
	spilledAll(t, b)
	c.expect("SAVE", "+OK")
	c.expect("SAVE", "+OK")
	if n := len(files(t, b.options.Dir, "segments")); n < 10 {
		t.Fatalf("%d segment files", n)
	}
	generations := len(files(t, b.options.Dir, "log"))
	c.expect("DEL s", ":1")
	for range 2 { // until then the older checkpoint has it
		c.expect("SAVE", "+OK")
	}
	waitFor(t, b, func() bool { return b.history.store.Stats().Segments <= 1 })
	waitFor(t, b, func() bool { return len(files(t, b.options.Dir, "log")) <= generations })
	c.expect("XLEN t", ":10")
	again := running(t, func(o *Options) { tiny(o); o.Dir = crashed(t, b) })
	dial(t, again).expect("XLEN t", ":10")
}

func TestBlocksThatCannotBeWrittenStayInMemory(t *testing.T) {
	var broken atomic.Bool
	b := running(t, func(o *Options) {
		tiny(o)
		o.Disk = func(op, path string) error {
			if op == "write" && strings.Contains(path, store.Dir) && broken.Load() {
				return errors.New("no space")
			}
			return nil
		}
	})
	b.mu.Lock()
	b.spiller.most = 10 << 10
	b.mu.Unlock()
	broken.Store(true)
	c := dial(t, b)
	c.fillFrom("s", 1, 100)
	waitFor(t, b, func() bool { return b.spiller.failure != nil })
	if got := c.do("INFO persistence"); !strings.Contains(got, "no space") {
		t.Error(got)
	}
	i := 100
	for ; i < 10000; i++ {
		if got := c.do(fmt.Sprintf("XADD s %d-0 number %d", i+1, i)); got != fmt.Sprintf(`"%d-0"`, i+1) {
			if !strings.HasPrefix(got, "-MISCONF ") {
				t.Error(got)
			}
			break
		}
	}
	if i == 10000 {
		t.Error("memory grows without end")
	}
	c.expect(fmt.Sprintf("XTRIM s MINID %d-0", i-50), fmt.Sprint(":", i-51)) // makes room
	c.expect(fmt.Sprintf("XADD s %d-0 f v", i+1), fmt.Sprintf(`"%d-0"`, i+1))
	i++
	c.expect("XLEN s", ":52")
	if got := c.do("XRANGE s - + COUNT 2"); strings.Count(got, `"number"`) != 2 {
		t.Error(got)
	}
	broken.Store(false)
	spilledAll(t, b)
	waitFor(t, b, func() bool { return b.spiller.failure == nil })
	c.fillFrom("s", i+1, i+2000) // which waits for the spiller now and then
	if got := c.do("XRANGE s - + COUNT 100"); strings.Count(got, "[\"") != 200 {
		t.Error(got)
	}
}

func TestACheckpointThatCannotBeWrittenChangesNothing(t *testing.T) {
	for _, op := range []string{"create", "write", "fsync", "rename"} {
		var broken atomic.Bool
		b := running(t, func(o *Options) {
			tiny(o)
			o.Disk = func(what, path string) error {
				if what == op && strings.Contains(path, "checkpoints") && broken.Load() {
					return errors.New("an accident")
				}
				return nil
			}
		})
		c := dial(t, b)
		c.fillFrom("s", 1, 100)
		c.expect("SAVE", "+OK")
		c.fillFrom("s", 101, 200)
		spilledAll(t, b)
		broken.Store(true)
		if got := c.do("SAVE"); !strings.HasPrefix(got, "-ERR ") || !strings.Contains(got, "an accident") {
			t.Errorf("%s: %s", op, got)
		}
		if got := c.do("INFO persistence"); !strings.Contains(got, "rdb_last_bgsave_status:err") {
			t.Errorf("%s: %s", op, got)
		}
		again := running(t, func(o *Options) { tiny(o); o.Dir = crashed(t, b) })
		dial(t, again).expect("XLEN s", ":200")
		broken.Store(false)
		c.expect("SAVE", "+OK")
		if got := c.do("INFO persistence"); !strings.Contains(got, "rdb_last_bgsave_status:ok") {
			t.Errorf("%s: %s", op, got)
		}
		c.expect("XRANGE s 1-0 1-0", `[["1-0" ["number" "1" "name" "entry 1 of s"]]]`)
	}
}

func TestABackupKeepsItsFilesUntilItEnds(t *testing.T) {
	b := running(t, func(o *Options) { tiny(o); o.StreamSegmentSize = 8 << 10 })
	c, other := dial(t, b), dial(t, b)
	c.fillFrom("s", 1, 3000)
	spilledAll(t, b)
	listed := c.do("BACKUP BEGIN")
	c.expect("BACKUP BEGIN", "-ERR This connection has begun a backup already")
	other.expect("BACKUP END", "-ERR This connection has not begun a backup")
	other.expect("DEL s", ":1")
	for range 3 {
		other.expect("SAVE", "+OK")
	}
	backup := t.TempDir()
	for _, part := range strings.Split(strings.Trim(listed, "[]"), "] [") {
		var name string
		var size int64
		if _, err := fmt.Sscanf(part, "%q :%d", &name, &size); err != nil {
			t.Fatal(part, err)
		}
		content, err := os.ReadFile(filepath.Join(b.options.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(backup, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, content[:size], 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	copied := dial(t, running(t, func(o *Options) { tiny(o); o.Dir = backup }))
	copied.expect("XLEN s", ":3000")
	if got := copied.do("XRANGE s - +"); strings.Count(got, "entry") != 3000 {
		t.Errorf("%d entries in the copy", strings.Count(got, "entry"))
	}
	c.conn.Close() // ends the backup
	waitFor(t, b, func() bool { return b.history.store.Stats().Segments <= 1 })
}

func TestALogThatFailsWhileACheckpointIsMadeIsReadFromDiskAgain(t *testing.T) {
	var broken atomic.Bool
	b := running(t, func(o *Options) {
		tiny(o)
		o.Disk = func(op, path string) error {
			if broken.Load() && op == "fsync" && !strings.Contains(path, "checkpoints") {
				return errors.New("an accident")
			}
			return nil
		}
	})
	c, saver := dial(t, b), dial(t, b)
	c.fillFrom("s", 1, 500)
	c.expect("SAVE", "+OK")
	c.fillFrom("s", 501, 1000)
	spilledAll(t, b)
	broken.Store(true)
	saver.send("SAVE") // whose first step, a new generation of the log, fails
	waitFor(t, b, func() bool { return b.readOnly && !b.loading })
	broken.Store(false)
	waitFor(t, b, func() bool { return !b.readOnly })
	again := dial(t, b)
	again.expect("XLEN s", ":1000")
	if got := again.do("XRANGE s - + COUNT 600"); strings.Count(got, "entry") != 600 {
		t.Error(got)
	}
	again.expect("SAVE", "+OK")
	again.expect("XLEN s", ":1000")
}

func TestWritersThatWaitForBlocksThatDieGoOn(t *testing.T) {
	var shut atomic.Bool
	open := make(chan struct{})
	b := running(t, func(o *Options) {
		tiny(o)
		o.Disk = func(op, path string) error {
			if op == "write" && strings.Contains(path, store.Dir) && shut.Load() {
				select {
				case <-open:
				case <-t.Context().Done():
				}
			}
			return nil
		}
	})
	b.mu.Lock()
	b.spiller.most = 4 << 10
	b.mu.Unlock()
	shut.Store(true)
	c, other := dial(t, b), dial(t, b)
	c.fillFrom("s", 1, 50)
	waitFor(t, b, func() bool { return b.spiller.writing }) // what is sealed from now on waits
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 2000 {
			if got := c.do(fmt.Sprintf("XADD t %d-0 number %d", i+1, i)); got != fmt.Sprintf(`"%d-0"`, i+1) {
				t.Error(got)
				return
			}
		}
	}()
	waitFor(t, b, func() bool { return b.spiller.stalled })
	other.expect("DEL t", ":1")
	close(open)
	<-done
	other.expect("XLEN s", ":50")
}

func TestACheckpointThatFailedIsTriedAgainByItself(t *testing.T) {
	var broken atomic.Bool
	b := running(t, func(o *Options) {
		o.CheckpointLogSize = 10 << 10
		o.Disk = func(op, path string) error {
			if op == "write" && strings.Contains(path, "checkpoints") && broken.Load() {
				return errors.New("an accident")
			}
			return nil
		}
	})
	broken.Store(true)
	c := dial(t, b)
	c.fillFrom("s", 1, 1000)
	waitFor(t, b, func() bool { return b.checkpointer.failures > 0 })
	broken.Store(false)
	waitFor(t, b, func() bool { return b.checkpointer.made > 0 && b.checkpointer.failures == 0 })
}

func TestAfterBGSaveACheckpointIsSaidToBeUnderWay(t *testing.T) {
	b := running(t, nil)
	c := dial(t, b)
	c.fillFrom("s", 1, 10)
	if _, err := io.WriteString(c.conn, request("BGSAVE")+request("BGSAVE")+request("INFO", "persistence")); err != nil {
		t.Fatal(err)
	}
	if got := c.read() + c.read(); got != "+Background saving started-ERR Background save already in progress" {
		t.Error(got)
	}
	if got := c.read(); !strings.Contains(got, "rdb_bgsave_in_progress:1") {
		t.Error(got)
	}
	waitFor(t, b, func() bool { return b.checkpointer.made == 1 })
	if got := c.do("INFO persistence"); !strings.Contains(got, "rdb_bgsave_in_progress:0") {
		t.Error(got)
	}
}

func TestADiskThatCannotBeReadAfterAFailureIsTriedAgain(t *testing.T) {
	var broken, unreadable atomic.Bool
	b := running(t, func(o *Options) {
		tiny(o)
		o.Disk = func(op, path string) error {
			if broken.Load() && op == "fsync" || unreadable.Load() && op == "list" && strings.HasSuffix(path, "checkpoints") {
				return errors.New("an accident")
			}
			return nil
		}
	})
	c := dial(t, b)
	c.fillFrom("s", 1, 100)
	c.expect("SAVE", "+OK")
	unreadable.Store(true)
	broken.Store(true)
	c.send("XADD s 101-0 f v")
	waitFor(t, b, func() bool { return b.loading })
	broken.Store(false)
	dial(t, b).expect("XLEN s", "-"+string(errLoading))
	unreadable.Store(false)
	waitFor(t, b, func() bool { return !b.loading && !b.readOnly })
	dial(t, b).expect("XLEN s", ":100")
}

func TestWhileOldFilesAreRemovedBothCheckpointsCanBeUsed(t *testing.T) {
	var watching atomic.Bool
	var b *Broker
	var copies []string
	b = running(t, func(o *Options) {
		tiny(o)
		o.StreamSegmentSize = 8 << 10
		dir := o.Dir
		o.Disk = func(op, path string) error {
			if watching.Load() && op == "remove" && len(copies) < 40 {
				copied := t.TempDir()
				if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
					t.Error(err)
				}
				copies = append(copies, copied) // all by the checkpointer
			}
			return nil
		}
	})
	c := dial(t, b)
	c.fillFrom("gone", 1, 1500)
	c.fillFrom("s", 1, 500)
	spilledAll(t, b)
	c.expect("SAVE", "+OK")
	c.expect("DEL gone", ":1")
	want := digest(t, b, "s", "gone")
	watching.Store(true)
	for range 3 {
		c.expect("SAVE", "+OK")
	}
	waitFor(t, b, func() bool { return b.history.store.Stats().Segments < 8 })
	watching.Store(false)
	b.checkpointer.making.Lock() // the removal is over
	defer b.checkpointer.making.Unlock()
	if len(copies) < 5 {
		t.Fatalf("%d removals", len(copies))
	}
	for i, dir := range copies {
		if i%2 == 1 {
			checkpoints := files(t, dir, "checkpoints")
			flip(t, checkpoints[len(checkpoints)-1], 100)
		}
		again, stop := started(t, func(o *Options) { tiny(o); o.Dir = dir })
		if got := digest(t, again, "s", "gone"); got != want {
			t.Errorf("copy %d: the state differs", i)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	}
}
