package data

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"

	"github.com/weirmq/weir/internal/oracle"
)

func TestAHyperLogLogHasTheRegistersOfANaiveModel(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 30 {
		h, model := NewHLL(), HLLUnion{}
		values := 1 + r.IntN(40)
		for range 1 + r.IntN(4000) {
			reg := HLLRegister{uint16(r.IntN(1 + r.IntN(hllRegisters))), uint8(1 + r.IntN(values))}
			lower := model[reg.Index] < reg.Count
			model[reg.Index] = max(model[reg.Index], reg.Count)
			var changed bool
			if h, changed = HLLRaise(h, reg); changed != lower {
				t.Fatalf("raising %+v: %v", reg, changed)
			}
		}
		if err := CheckHLL(h); err != nil || !IsHLL(h) {
			t.Fatal("it is no HyperLogLog any more")
		}
		dense, err := HLLDense(bytes.Clone(h))
		if err != nil {
			t.Fatal(err)
		}
		var union HLLUnion
		if err := union.Add(h); err != nil || union != model {
			t.Fatal("the union has other registers")
		}
		for i, want := range model {
			if HLLAt(h, uint16(i)) != want || HLLAt(dense, uint16(i)) != want {
				t.Fatalf("register %d is %d and %d, and not %d", i, HLLAt(h, uint16(i)), HLLAt(dense, uint16(i)), want)
			}
		}
		n, _ := HLLCardinality(h)
		if m, _ := HLLCardinality(dense); n != m || n != model.Cardinality() {
			t.Fatal("three encodings, three cardinalities")
		}
	}
}

func TestTheEstimateIsClose(t *testing.T) {
	h := NewHLL()
	for n := 1; n <= 200_000; n++ {
		h, _ = HLLRaise(h, HLLRegisterOf(fmt.Append(nil, "element ", n)))
		if n == 10 || n%20_000 == 0 {
			got, err := HLLCardinality(h)
			if err != nil || math.Abs(float64(got)-float64(n)) > 0.03*float64(n) {
				t.Errorf("%d elements are estimated as %d (%v)", n, got, err)
			}
		}
	}
}

func TestAHyperLogLogIsRedissToTheByte(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("WEIR_REQUIRE_REDIS") == "1" {
			t.Fatal(err)
		}
		t.Skip("no redis-server here; set WEIR_REQUIRE_REDIS=1 to make that an error")
	}
	redis, err := oracle.StartRedis(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer redis.Kill()
	c, err := oracle.Dial(redis.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	do := func(args ...string) string {
		reply, err := c.MustDo(args...)
		if err != nil {
			t.Fatal(err)
		}
		return reply.Text
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 4 {
		do("DEL", "h")
		do("PFADD", "h")
		h := NewHLL()
		HLLStale(h)
		for n := range 1500 {
			batch := []string{"PFADD", "h"}
			for range 1 + r.IntN(1+n/100) {
				batch = append(batch, fmt.Sprintf("%x", r.Uint64()>>r.IntN(64)))
			}
			added := "0"
			for _, element := range batch[2:] {
				var changed bool
				if h, changed = HLLRaise(h, HLLRegisterOf([]byte(element))); changed {
					added = "1"
				}
			}
			if got := do(batch...); got != added {
				t.Fatalf("redis says %s, and not %s", got, added)
			}
			if n%10 > 0 {
				continue
			}
			if got := do("GET", "h"); got != string(h) {
				t.Fatalf("other bytes than redis's after %d", n)
			}
			cardinality, err := HLLCardinality(h)
			if got := do("PFCOUNT", "h"); err != nil || got != fmt.Sprint(cardinality) {
				t.Fatalf("cardinality %d, redis says %s", cardinality, got)
			}
			do("SET", "h", string(h))
		}
		if !HLLIsDense(h) {
			t.Fatal("it was never dense")
		}
	}
}

func FuzzHLL(f *testing.F) {
	small := NewHLL()
	for i := range 50 {
		small, _ = HLLRaise(small, HLLRegisterOf([]byte{byte(i)}))
	}
	f.Add(small, "x")
	f.Add(append([]byte(nil), "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x7f"...), "y")
	f.Fuzz(func(t *testing.T, h []byte, element string) {
		if !IsHLL(h) {
			return
		}
		_, _ = HLLCardinality(h)
		HLLAt(h, hllRegisters-1)
		var u HLLUnion
		if u.Add(h) != nil {
			return
		}
		h, _ = HLLRaise(h, HLLRegisterOf([]byte(element)))
		if CheckHLL(h) != nil {
			t.Error("damaged by an element")
		}
		u.Into(NewHLL())
	})
}

func BenchmarkHLLRaise(b *testing.B) {
	h, n := NewHLL(), 0
	for ; b.Loop(); n++ {
		h, _ = HLLRaise(h, HLLRegisterOf([]byte{byte(n), byte(n >> 8), byte(n >> 16)}))
	}
}

func BenchmarkHLLCardinality(b *testing.B) {
	h, _ := HLLDense(NewHLL())
	for b.Loop() {
		_, _ = HLLCardinality(h)
	}
}
