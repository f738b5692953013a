package longdouble

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/oracle"
)

func TestNumbersAreReadAndWrittenAsRedisDoes(t *testing.T) {
	for _, c := range []struct{ text, want string }{ // want is what INCRBYFLOAT by 0 makes of it; empty: no number
		{"0", "0"}, {"-0", "0"}, {"+5", "5"}, {"5.", "5"}, {".5", "0.5"}, {"007", "7"}, {"1e3", "1000"}, {"1E+3", "1000"},
		{"0.1", "0.1"}, {"3.14159265358979323846", "3.14159265358979324"}, {"1e-17", "0.00000000000000001"},
		{"6e-18", "0.00000000000000001"}, {"5e-18", "0"}, {"4e-18", "0"}, {"-1e-30", "0"}, {"1e-4950", "0"}, {"1e-4951", ""}, {"0e99999999999", "0"},
		{"18446744073709551615", "18446744073709551615"}, {"18446744073709551617", "18446744073709551616"},
		{"0x10", "16"}, {"0X.8p1", "1"}, {"-0xAp-1", "-5"}, {"0x1p16383", "0x1p16383"}, {"0x1p16384", ""}, {"0x1p-16445", "0"}, {"0x1p-16446", ""},
		{"1e4932", "1e4932"}, {"1e4933", ""}, {"1e999999999999999999999", ""}, {"1e-999999999999999999999", ""},
		{"", ""}, {" 1", ""}, {"1 ", ""}, {"+", ""}, {"-", ""}, {".", ""}, {"1e", ""}, {"1e+", ""}, {"e1", ""}, {"1..2", ""}, {"--1", ""},
		{"0x", ""}, {"0xp1", ""}, {"0x1p", ""}, {"1\x00", ""}, {"nan", ""}, {"-nan", ""}, {"nan(1)", ""}, {"infin", ""}, {"1_0", ""}, {"0b1", ""},
		{strings.Repeat("0", MaxText), "0"}, {strings.Repeat("0", MaxText+1), ""},
	} {
		x, ok := Parse([]byte(c.text))
		switch {
		case c.want == "":
			if ok {
				t.Errorf("%.40q was read", c.text)
			}
		case !ok:
			t.Errorf("%.40q was refused", c.text)
		case strings.ContainsAny(c.want, "ep"):
			same, _ := Parse([]byte(c.want))
			if x.Cmp(same) != 0 {
				t.Errorf("%.40q is %v", c.text, x)
			}
		default:
			if got := string(Append(nil, x)); got != c.want {
				t.Errorf("%.40q is written %q, want %q", c.text, got, c.want)
			}
		}
	}
}

func TestInfinityIsReadButNotAddedTo(t *testing.T) {
	one, _ := Parse([]byte("1"))
	for _, text := range []string{"inf", "+Inf", "-INFINITY"} {
		x, ok := Parse([]byte(text))
		if !ok || !x.IsInf() {
			t.Fatalf("%q is %v, %v", text, x, ok)
		}
		if sum, ok := Add(one, x); ok {
			t.Errorf("1 + %s = %v", text, sum)
		}
	}
	most, _ := Parse([]byte("0x1.fffffffffffffffep16383"))
	if sum, ok := Add(most, most); ok {
		t.Errorf("twice the largest number is %v", sum)
	}
}

// TestSumsAreRediss adds random texts there and here.
func TestSumsAreRediss(t *testing.T) {
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
	r := rand.New(rand.NewPCG(1, 2))
	for range 5_000 {
		a, b := someText(r), someText(r)
		if _, err := c.MustDo("SET", "k", a); err != nil {
			t.Fatal(err)
		}
		reply, err := c.Do("INCRBYFLOAT", "k", b)
		if err != nil {
			t.Fatal(err)
		}
		if got := incrByFloat(a, b); got != reply.Text {
			t.Fatalf("%q + %q is %q, redis says %q", a, b, got, reply.Text)
		}
	}
}

func incrByFloat(a, b string) string {
	x, ok := Parse([]byte(a))
	y, also := Parse([]byte(b))
	if !ok || !also {
		return "ERR value is not a valid float"
	}
	sum, ok := Add(x, y)
	if !ok {
		return "ERR increment would produce NaN or Infinity"
	}
	return string(Append(nil, sum))
}

func someText(r *rand.Rand) string {
	sign := []string{"", "-", "", "+"}[r.IntN(4)]
	switch r.IntN(12) {
	case 0:
		return fmt.Sprintf("%s%d", sign, r.Uint64()>>r.IntN(64))
	case 1:
		return fmt.Sprintf("%s0x%x.%xp%d", sign, r.Uint64()>>r.IntN(64), r.Uint32(), r.IntN(200)-100)
	case 2:
		return fmt.Sprintf("%s%d.%de%d", sign, r.Uint64(), r.Uint64(), r.IntN(10_200)-5_100)
	case 3:
		return fmt.Sprintf("%s0x%xp%d", sign, r.Uint64(), r.IntN(33_200)-16_600)
	case 4:
		return sign + []string{"inf", "nan", "1e", "", ".", "0", "0.0", "1e4932", "0x", "1 ", "INFINITY", "1.189731495357231765e4932"}[r.IntN(12)]
	case 5: // halfway between two numbers, or nearly
		return fmt.Sprintf("%s%d5e%d", sign, r.Uint64(), r.IntN(40)-20)
	case 6:
		b := []byte(fmt.Sprintf("%d.%de%d", r.IntN(100), r.IntN(100), r.IntN(30)-15))
		b[r.IntN(len(b))] = "0e.-+x \x00pi"[r.IntN(10)]
		return string(b)
	case 7:
		return sign + strings.Repeat("9", r.IntN(300)) + "." + strings.Repeat("4", r.IntN(300))
	}
	return fmt.Sprintf("%s%d.%0*d", sign, r.IntN(1000), 1+r.IntN(18), r.IntN(1000))
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"1", "-0x1.8p3", "1e4932", "1e-4951", "inf", "nan"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if x, ok := Parse([]byte(s)); ok && !x.IsInf() {
			if back, ok := Parse(Append(nil, x)); !ok {
				t.Errorf("what %q is written as is no number", s)
			} else if sum, ok := Add(x, back); ok {
				Append(nil, sum)
			}
		}
	})
}

func BenchmarkIncrement(b *testing.B) {
	var text [64]byte
	for b.Loop() {
		x, _ := Parse([]byte("10.50"))
		y, _ := Parse([]byte("0.1"))
		sum, _ := Add(x, y)
		Append(text[:0], sum)
	}
}
