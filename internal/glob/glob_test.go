package glob

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestMatchFollowsTheTable(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", false}, {"**", "", false}, {"*", "a", true}, {"?", "a", true}, {"?", "ab", false},
		{"a*", "a", true}, {"a**", "a", true}, {"*a", "ba", true}, {"*a", "ab", false}, {"a*c", "abbbc", true},
		{"h[ae]llo", "hello", true}, {"h[ae]llo", "hillo", false}, {"h[^e]llo", "hallo", true}, {"h[^e]llo", "hello", false},
		{"h[a-c]llo", "hbllo", true}, {"h[c-a]llo", "hbllo", true}, {"h[a-c]llo", "hdllo", false},
		{`\*`, "*", true}, {`\*`, "a", false}, {`[\]]`, "]", true}, {`[\-a]`, "-", true}, {`a\`, `a\`, true}, {`[\`, `\`, true},
		{"[", "a", false}, {"[^", "a", true}, {"[^", "ab", false}, {"[a", "a", true}, {"[]", "a", false}, {"[^]", "a", true},
		{"[a-]", "a", true}, {"[a-]", "b", false}, {"[a-]x", "ax", false}, {"[a-", "-", true},
		{"[a-\xff]", "b", false}, {"[a-\xff]", "\xff", true}, {"[a-\xff]", "A", true},
		{"*[ab]*?c", "xxazzc", true}, {"A", "a", false},
	} {
		if got := Match([]byte(c.pattern), []byte(c.s)); got != c.want {
			t.Errorf("Match(%q, %q) = %v", c.pattern, c.s, got)
		}
	}
}

func TestMatchFoldIgnoresTheCaseOfLetters(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"MAX*", "maxclients", true}, {"max*", "MAXCLIENTS", true}, {"[M]ax", "max", true}, {"[A-C]", "b", true}, {`[\A]`, "a", false},
		{"[", "{", false},
	} {
		if got := MatchFold([]byte(c.pattern), []byte(c.s)); got != c.want {
			t.Errorf("MatchFold(%q, %q) = %v", c.pattern, c.s, got)
		}
	}
}

// twin is the recursive definition that Redis has, exponential and all.
func twin(p, s []byte) bool {
	if len(s) == 0 {
		return len(bytes.TrimLeft(p, "*")) == 0
	}
	if len(p) == 0 {
		return false
	}
	if p[0] == '*' {
		return twin(p[1:], s) || twin(p, s[1:])
	}
	next := one(p, 0, s[0], false)
	return next > 0 && twin(p[next:], s[1:])
}

func TestMatchAgreesWithTheRecursiveDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := func(alphabet string, most int) []byte {
		b := make([]byte, 1+r.IntN(most))
		for i := range b {
			b[i] = alphabet[r.IntN(len(alphabet))]
		}
		return b
	}
	for range 200_000 {
		p, s := random(`ab*?[]^-\`, 9), random("ab-", 7)
		if got, want := Match(p, s), twin(p, s); got != want {
			t.Fatalf("Match(%q, %q) = %v", p, s, got)
		}
	}
}

func TestMatchTakesNoMoreThanQuadraticTime(t *testing.T) {
	pattern := []byte(strings.Repeat("a*", 500) + "b")
	if Match(pattern, bytes.Repeat([]byte("a"), 5000)) {
		t.Error("matched")
	}
}

func FuzzMatch(f *testing.F) {
	f.Add([]byte(`[\`), []byte("a"))
	f.Add([]byte("*[a-]*"), []byte("ab"))
	f.Fuzz(func(t *testing.T, pattern, s []byte) {
		if Match(pattern, s) && !MatchFold(pattern, s) && !bytes.ContainsAny(pattern, `[`) {
			t.Errorf("%q matches %q only with case", pattern, s)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	pattern, s := []byte("user:*:events"), []byte("user:12345:events")
	b.ReportAllocs()
	for b.Loop() {
		Match(pattern, s)
	}
}
