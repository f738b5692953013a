package glob_test

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/weirmq/weir/internal/glob"
	"github.com/weirmq/weir/internal/oracle"
)

// needRedis skips where there is no redis-server, unless WEIR_REQUIRE_REDIS=1 says that there must be one.
func needRedis(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err == nil {
		return
	}
	if os.Getenv("WEIR_REQUIRE_REDIS") == "1" {
		t.Fatal("WEIR_REQUIRE_REDIS=1, but there is no redis-server")
	}
	t.Skip("no redis-server here; set WEIR_REQUIRE_REDIS=1 to make that an error")
}

func TestMatchFindsTheKeysThatRedisFinds(t *testing.T) {
	needRedis(t)
	server, err := oracle.StartRedis(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer server.Kill()
	conn, err := oracle.Dial(server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()

	r := rand.New(rand.NewPCG(3, 4))
	random := func(alphabet string, least, most int) string {
		b := make([]byte, least+r.IntN(most-least+1))
		for i := range b {
			b[i] = alphabet[r.IntN(len(alphabet))]
		}
		return string(b)
	}
	keys := map[string]bool{"": true}
	for range 300 {
		keys[random("abcAB-]^*\\\x7f\x80\xff", 1, 5)] = true
	}
	for key := range keys {
		if _, err := conn.MustDo("SET", key, ""); err != nil {
			t.Fatal(err)
		}
	}
	for range 5000 {
		pattern := random("aabcB**??[[]]^--\\\x80\xff", 0, 8)
		if pattern == "*" {
			continue // KEYS itself knows this one
		}
		reply, err := conn.MustDo("KEYS", pattern)
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for _, e := range reply.Elems {
			want = append(want, e.Text)
		}
		for key := range keys {
			if glob.Match([]byte(pattern), []byte(key)) {
				got = append(got, key)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("%q: %q, redis %q", pattern, got, want)
		}
	}
}
