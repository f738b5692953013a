package resp

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// modelQueue is what a queue is, in the simplest words: pieces with positions, of which a prefix may leave.
type modelQueue struct {
	pieces []modelPiece
}

type modelPiece struct {
	b   []byte
	pos uint64
}

func (m *modelQueue) append(b []byte, pos uint64) {
	if n := len(m.pieces); n > 0 {
		pos = max(pos, m.pieces[n-1].pos)
	}
	m.pieces = append(m.pieces, modelPiece{bytes.Clone(b), pos})
}

// take removes at most n bytes of what may leave.
func (m *modelQueue) take(n int, released uint64) (out []byte) {
	for n > 0 && len(m.pieces) > 0 && m.pieces[0].pos <= released {
		p := &m.pieces[0]
		k := min(n, len(p.b))
		out = append(out, p.b[:k]...)
		p.b = p.b[k:]
		n -= k
		if len(p.b) == 0 {
			m.pieces = m.pieces[1:]
		}
	}
	return out
}

func TestQueueLetsOutWhatItsModelLetsOut(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		q, m := &queue{}, &modelQueue{}
		var released uint64
		queued := 0
		for step := range 500 {
			switch rnd.IntN(4) {
			case 0, 1:
				b := bytes.Repeat([]byte{byte(step)}, []int{1, 5, 50, 3000, chunkSize, 20_000, adoptSize}[rnd.IntN(7)])
				pos := uint64(rnd.IntN(step + 1))
				size, _ := q.appendLocked(b, pos)
				m.append(b, pos)
				queued += len(b)
				if size != queued {
					t.Fatalf("seed %d, step %d: size %d, want %d", seed, step, size, queued)
				}
			case 2:
				released = max(released, uint64(rnd.IntN(step+1)))
			case 3:
				pieces, may, _, held := q.take(released, 1+rnd.IntN(300_000), make([][]byte, 0, 1+rnd.IntN(20)))
				n := 0
				for _, p := range pieces {
					if len(p) == 0 {
						t.Fatalf("seed %d, step %d: an empty piece", seed, step)
					}
					n += len(p)
				}
				if n > 0 && rnd.IntN(3) == 0 {
					n = rnd.IntN(n) // the socket takes less than it was offered
				}
				got := bytes.Join(pieces, nil)[:n]
				if want := m.take(n, released); !bytes.Equal(got, want) {
					t.Fatalf("seed %d, step %d: %d bytes differ from the model's %d", seed, step, len(got), len(want))
				}
				queued -= n
				left, waitsFor, stillHeld := q.drop(n)
				if left != may-n || held != stillHeld || stillHeld && waitsFor <= released {
					t.Fatalf("seed %d, step %d: %d of %d may leave after %d, held %v %v", seed, step, left, may, n, held, stillHeld)
				}
			}
		}
		wantHeld := len(m.pieces) > 0 && m.pieces[len(m.pieces)-1].pos > released
		if size, _, _, held := q.state(released); size != queued || held != wantHeld {
			t.Fatalf("seed %d: %d queued, held %v; want %d, %v", seed, size, held, queued, wantHeld)
		}
	}
}

func TestAPipelinerThatHolds64MBCostsOneMarkPerPosition(t *testing.T) {
	q := &queue{}
	reply := bytes.Repeat([]byte("r"), 64)
	for i := range 1 << 20 {
		q.appendLocked(reply, uint64(i/10_000))
	}
	if n := len(q.marks); n > 1<<20/10_000+1 {
		t.Error(n, " marks")
	}
	_, chunks, memory, _ := q.state(0)
	if memory > 64<<20*11/10 {
		t.Errorf("%d chunks hold %d bytes for 64 MB", chunks, memory)
	}
	sent := 0
	for {
		pieces, _, _, _ := q.take(1<<20, writeSize, make([][]byte, 0, 16))
		n := 0
		for _, p := range pieces {
			n += len(p)
		}
		if n == 0 {
			break
		}
		sent += n
		q.drop(n)
	}
	if sent != 64<<20 {
		t.Error(sent, " bytes came out")
	}
	if q.chunks != nil && cap(q.chunks) > 256 {
		t.Error("an empty queue keeps room for ", cap(q.chunks), " chunks")
	}
}

func TestAStoppedQueueLetsNothingOut(t *testing.T) {
	q := &queue{}
	q.appendLocked([]byte("abc"), 0)
	q.stop()
	if pieces, may, _, _ := q.take(9, 100, make([][]byte, 0, 4)); len(pieces) > 0 || may > 0 {
		t.Error(may, " bytes may leave")
	}
	if size, _ := q.appendLocked([]byte("abc"), 0); size != 0 {
		t.Error("it took more")
	}
	q.close()
	if size, chunks, memory, held := q.state(0); size+chunks+memory != 0 || held {
		t.Error(size, chunks, memory, held)
	}
}

func BenchmarkQueueReply(b *testing.B) {
	q := &queue{}
	reply := []byte("$15\r\n1700000000000-0\r\n")
	var pieces [16][]byte
	b.ReportAllocs()
	for i := range b.N {
		q.appendLocked(reply, uint64(i/16))
		if i%16 == 15 {
			out, _, _, _ := q.take(uint64(i), writeSize, pieces[:0])
			n := 0
			for _, p := range out {
				n += len(p)
			}
			q.drop(n)
		}
	}
}
