package logs

import (
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestCut(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"seed", "seed"},
		{strings.Repeat("a", 256), strings.Repeat("a", 256)},
		{strings.Repeat("a", 257), strings.Repeat("a", 256) + "..."},
		{strings.Repeat("é", 200), strings.Repeat("é", 128) + "..."},
		{"a" + strings.Repeat("é", 200), "a" + strings.Repeat("é", 127) + "..."},
		{"a" + strings.Repeat("\U0001F331", 100), "a" + strings.Repeat("\U0001F331", 63) + "..."},
	} {
		require.Equal(t, c.want, Cut(c.in))
		require.True(t, utf8.ValidString(Cut(c.in)))
	}
	require.Len(t, Cut(strings.Repeat("\x80", 300)), 252+len("..."), "no characters at all")
	require.Equal(t, "ab...", CutAt("abc", 2))
}

func TestLimiter(t *testing.T) {
	now := time.Now()
	limiter := NewLimiter(10, 50)
	allowed := func(key string) (n int) {
		for range 1000 {
			if limiter.Allow(key, now) {
				n++
			}
		}
		return n
	}
	require.Equal(t, 50, allowed("a"))
	require.Zero(t, allowed("a"))
	require.Equal(t, 50, allowed("b"), "others have theirs")
	now = now.Add(time.Second)
	require.Equal(t, 10, allowed("a"))
	long := strings.Repeat("a", 1<<20)
	require.Equal(t, 50, allowed(long+"x"))
	require.Zero(t, allowed(long+"y"), "no more is kept of a key than is told")
	for i := range 2 * rememberedKeys {
		limiter.Allow(strconv.Itoa(i), now)
	}
	require.Equal(t, rememberedKeys, limiter.limiters.Len())
}
