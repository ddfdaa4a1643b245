package main

import (
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The quick report runs every benchmark but that of the process, so that none can rot.
func TestQuick(t *testing.T) {
	t.Chdir("../..")
	out := t.TempDir()
	require.NoError(t, run(&options{quick: true, sizes: []int{200, 1000}, out: out, log: io.Discard}))
	content, err := os.ReadFile(filepath.Join(out, "REPORT.md"))
	require.NoError(t, err)
	for _, want := range []string{
		"| a decision in the graph, the worst (",
		"| Authorize in process, the worst (", "| p99.9 of decisions", "| a Shoot changes its Seed | ",
		"| an update that changes no edge | ", "| heap of the graph per Shoot", "| the graph built after",
		"| a SubjectAccessReview, bytes in", "| requests/s over TLS",
		"| an admission decision", "| admission of an unrelated Secret", "### Missed",
		"| plain: a map, pointers, one RWMutex | ", "| and small numbers instead of pointers: as built | ", "| callers | ",
		"| GOGC | 50 | ", "## Where the time goes", "\nAdmissionReviews:\n\n| share |",
	} {
		require.Contains(t, string(content), want)
	}
	for _, name := range []string{"decision.svg", "update.svg", "wire.svg"} {
		image, err := os.ReadFile(filepath.Join(out, name))
		require.NoError(t, err)
		require.NoError(t, xml.Unmarshal(image, new(struct{})), name)
		require.Contains(t, string(image), "<circle", name)
	}
}

func TestParse(t *testing.T) {
	r := &results{}
	require.NoError(t, r.read(strings.NewReader(
		"goos: linux\nBenchmarkX/a=1-2 \t 100\t 5.5 ns/op\t 7 B/op\nBenchmarkX/a=1-2 9 4 ns/op\nBenchmarkX/a=1-2 9 30 "+
			"ns/op\nBenchmarkY 1 2 requests/s\nPASS\n")))
	require.Equal(t, []string{"X/a=1", "Y"}, r.names)
	v, ok := r.of("X/a=1", "ns/op")
	require.True(t, ok)
	require.InDelta(t, 5.5, v, 0)
	_, ok = r.of("Y", "ns/op")
	require.False(t, ok)
	for by, want := range map[*func(string, string) (float64, bool)]float64{new(r.of): 5.5, new(r.least): 4} {
		name, value, ok := worst(*by, "ns/op", "X/a=1")
		require.True(t, ok)
		require.Equal(t, "X/a=1", name)
		require.InDelta(t, want, value, 0)
	}
	require.Error(t, r.read(strings.NewReader("BenchmarkZ 1 x ns/op\n")))
}

// A budget that is missed is listed with its reason.
func TestMissed(t *testing.T) {
	r := &results{}
	require.NoError(t, r.read(strings.NewReader(
		"BenchmarkUpdate/shoots=10/impl=seedguard/change=move 1 20000 "+
			"ns/op\nBenchmarkUpdate/shoots=10/impl=baseline/change=move 1 40000 ns/op\n")))
	p := &page{results: r, sizes: []int{10}}
	p.budgets()
	require.Contains(t, p.String(), "| a Shoot changes its Seed | 20 µs | 20 µs | <= 15 µs | **no** | 40 µs | 2 x |")
	require.Contains(t, p.String(), "- a Shoot changes its Seed: 20 µs, 33.3 % off. "+whyCPU)
}

// What only the quietest run meets is told apart, and listed all the same.
func TestMetInQuiet(t *testing.T) {
	r := &results{}
	for _, ns := range []string{"17000", "14000", "16000"} {
		require.NoError(t, r.read(strings.NewReader("BenchmarkUpdate/shoots=10/impl=seedguard/change=move 1 "+ns+" ns/op\n")))
	}
	p := &page{results: r, sizes: []int{10}}
	p.budgets()
	require.Contains(t, p.String(), "| a Shoot changes its Seed | 16 µs | 14 µs | <= 15 µs | in quiet runs |")
	require.Contains(t, p.String(), "- a Shoot changes its Seed: 16 µs, 6.67 % off. ")
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.5: "0.5", 1.234: "1.23", 12.34: "12.3", 100: "100", 1234.5: "1,234",
		1234567: "1,234,567"} {
		require.Equal(t, want, number(v))
	}
}
