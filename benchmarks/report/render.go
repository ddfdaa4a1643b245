package main

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// write writes the report and its plots.
func write(o *options, r *results, tops []string, took time.Duration) error {
	page := &page{results: r, sizes: o.sizes}
	page.head(took)
	page.budgets()
	page.graphs()
	page.inProcess()
	page.wire()
	page.process()
	page.profiles(tops)
	files := page.plots()
	files["REPORT.md"] = page.String()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(o.out, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// page is the report as it grows.
type page struct {
	strings.Builder
	results *results
	sizes   []int
}

func (p *page) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(p, format, args...) // a strings.Builder takes everything
}

func (p *page) largest() int { return p.sizes[len(p.sizes)-1] }

func (p *page) table(head ...string) {
	p.printf("\n| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat("---|", len(head)))
}

func (p *page) row(cells ...string) { p.printf("| %s |\n", strings.Join(cells, " | ")) }

// value is a figure for a table, empty when it was not measured.
func (p *page) value(name, unit string, scale float64) string {
	v, ok := p.results.of(name, unit)
	if !ok {
		return ""
	}
	return number(v / scale)
}

// ratio says how many times more the second is.
func (p *page) ratio(ours, theirs, unit string) string {
	a, ok := p.results.of(ours, unit)
	b, found := p.results.of(theirs, unit)
	if !ok || !found || a == 0 {
		return ""
	}
	return number(b/a) + " x"
}

func (p *page) head(took time.Duration) {
	p.printf("# Benchmarks\n\nWritten by `make bench` (`go run ./benchmarks/report`) on %s, in %s. Every figure is a "+
		"median of several runs where one\n"+
		"run is short. What is measured and what is left out is said at each benchmark in this directory.\n",
		time.Now().UTC().Format(time.DateOnly), took.Round(time.Second))
	p.table("machine", "")
	p.row("processor", fmt.Sprintf("%s, %d cores", procField("/proc/cpuinfo", "model name"), runtime.NumCPU()))
	p.row("memory", procField("/proc/meminfo", "MemTotal"))
	p.row("system", runtime.GOOS+"/"+runtime.GOARCH)
	p.row("Go", runtime.Version())
	for _, module := range []string{"k8s.io/apiserver", "k8s.io/client-go", "github.com/gardener/gardener/pkg/apis",
		"gonum.org/v1/gonum"} {
		p.row(module, command("go", "list", "-m", "-f", "{{.Version}}", module))
	}
	p.row("revision", command("git", "describe", "--always", "--dirty", "--exclude", "*"))
	p.printf("\nThe machine is virtual and shares its processors and caches with others, so figures vary by some %.0f "+
		"%% from run to run.\n"+
		"Landscapes are made up by [landscape](landscape): a Project per 20 Shoots, 500 Seeds at 100,000 Shoots, 12 "+
		"extensions on each Seed.\n"+
		"The [baseline](baseline) is a gonum graph in maps behind a lock, searched depth first, with every Shoot's "+
		"project resources as vertices; for\n"+
		"reviews and admission, the API types' codecs and whole objects; over the wire, an empty handler that reads the "+
		"body and writes a fixed answer.\n", 100*noise)
}

func (p *page) budgets() {
	rows := budgets(p.results, p.sizes)
	p.printf("\n## Budgets\n\nAt %s Shoots, where the size matters. What is measured is the median of the runs; the "+
		"quietest run is told beside it, because whoever\n"+
		"shares the machine only adds to times. A decision takes the same look-ups at every size: how its time grows with "+
		"the memory\nthat they are in is told below, and has no budget.\n", number(float64(p.largest())))
	p.table("what", "measured", "quietest run", "budget", "met", "baseline", "ratio")
	var missed []row
	for _, r := range rows {
		what, sign, met := r.what, "<=", "yes"
		if r.note != "" {
			what += " (" + r.note + ")"
		}
		if r.atLeast {
			sign = ">="
		}
		if !r.met() {
			met = "**no**"
			if r.metInQuiet() {
				met = "in quiet runs"
			}
			missed = append(missed, r)
		}
		least := ""
		if r.least > 0 {
			least = number(r.least) + " " + r.unit
		}
		baseline, ratio := "", ""
		if r.baseline > 0 {
			baseline = number(r.baseline) + " " + r.unit
			if r.measured > 0 {
				ratio = number(r.baseline/r.measured) + " x"
			}
		}
		if r.atLeast {
			ratio = number(100*r.measured/r.baseline) + " %"
		}
		p.row(what, number(r.measured)+" "+r.unit, least, sign+" "+number(r.limit)+" "+r.unit, met, baseline, ratio)
	}
	p.printf("\n### Missed\n\n")
	if len(missed) == 0 {
		p.printf("None.\n")
	}
	for _, r := range missed {
		p.printf("- %s: %s %s, %s %% off. %s\n", r.what, number(r.measured), r.unit,
			number(100*math.Abs(r.measured-r.limit)/r.limit), r.why)
	}
}

// graphs shows every benchmark of the graph, seedguard's beside the baseline's, at each size.
func (p *page) graphs() {
	p.printf("\n## The graph\n\n![time of a decision by size](decision.svg)\n\nNanoseconds for one look-up (2 " +
		"goroutines: the time divided by what both got done), and how many times longer the baseline takes.\n")
	p.bySize("Decision", "ns/op", 1)
	p.printf("\n### While Shoots move\n\nTwo readers on two processors, beside nobody, a writer of 1,000 changes a " +
		"second, and one without pause. The clock is read around\n" +
		"each look-up, some 50 ns.\n")
	p.table("Shoots", "graph", "writer", "p50 ns", "p99 ns", "p99.9 ns", "moves/s")
	for _, n := range p.sizes {
		for _, impl := range []string{"seedguard", "baseline"} {
			for _, writer := range []string{"quiet", "paced", "unpaused"} {
				name := fmt.Sprintf("DecisionWhileWriting/shoots=%d/impl=%s/writer=%s", n, impl, writer)
				p.row(number(float64(n)), impl, writer, p.value(name, "p50-ns", 1), p.value(name, "p99-ns", 1),
					p.value(name, "p99.9-ns", 1), p.value(name, "moves/s", 1))
			}
		}
	}
	p.printf("\n### Updates\n\n![time of an update by size](update.svg)\n\nMicroseconds for one change of one Shoot.\n")
	p.bySize("Update", "ns/op", microsecond)
	for _, t := range []struct {
		bench, what, unit string
		scale             float64
	}{
		{"DeleteSeed", "a Seed goes with all objects on it, milliseconds", "ns/op", millisecond},
		{"ColdStart", "the graph is built from all objects, milliseconds", "ns/op", millisecond},
		{"ColdStart", "heap of the graph, bytes per Shoot", "B/shoot", 1},
		{"Relist", "all objects are listed again, milliseconds", "ns/op", millisecond},
	} {
		p.printf("\n%s:\n", strings.ToUpper(t.what[:1])+t.what[1:])
		p.bySize(t.bench, t.unit, t.scale)
	}
	p.ablation()
	p.printf("\nWith informers, from the first list until ready, on objects made up in memory:\n")
	p.table("Shoots", "seconds")
	for _, n := range p.sizes {
		p.row(number(float64(n)), p.value(fmt.Sprintf("GardenColdStart/shoots=%d", n), "ns/op", second))
	}
}

// ablations are what BenchmarkAblation measures, in the order in which one thing is added to the other.
var ablations = []struct{ name, what string }{
	{"plain", "plain: a map, pointers, one RWMutex"},
	{"implied", "and implied vertices found by name"},
	{"apart", "and names that a Shoot may imply apart from the others"},
	{"compare", "and edges compared with the owner's, in their order"},
	{"inside", "and the first of a vertex's Seeds in the vertex itself"},
	{"numbers", "and small numbers instead of pointers: as built"},
}

// ablation shows what each thing is worth that the graph does beyond maps, pointers and a lock.
func (p *page) ablation() {
	p.printf("\n### What each mechanism is worth\n\nThe same index at %s Shoots: in each row the graph does one thing "+
		"more, so the row above it is the\n"+
		"graph without that. Decisions are the worst of all vertices, the explicit ones and the implied ones. A "+
		"collection is told as\n"+
		"the time by which the graph makes it longer. The quietest runs.\n", number(float64(p.largest())))
	p.table("the graph", "decision ns", "implied ns", "heartbeat µs", "move µs", "B a Shoot", "collection ms",
		"built in ms")
	for _, a := range ablations {
		prefix := "Ablation/graph=" + a.name + "/what="
		var explicit, implied []string
		for _, name := range p.results.matching(prefix + "decision/") {
			if strings.Contains(name, "vertex=implied/") {
				implied = append(implied, name)
			} else {
				explicit = append(explicit, name)
			}
		}
		least := func(unit string, scale float64, names ...string) string {
			_, value, ok := worst(p.results.least, unit, names...)
			if !ok {
				return ""
			}
			return number(value / scale)
		}
		p.row(a.what, least("ns/op", 1, explicit...), least("ns/op", 1, implied...),
			least("ns/op", microsecond, prefix+"heartbeat"),
			least("ns/op", microsecond, prefix+"move"), least("B/shoot", 1, prefix+"build"),
			least("gc-ns", millisecond, prefix+"build"), least("ns/op", millisecond, prefix+"build"))
	}
}

// bySize is a table of all sub-benchmarks, with a column for each size and each graph.
func (p *page) bySize(bench, unit string, scale float64) {
	head := []string{""}
	for _, n := range p.sizes {
		head = append(head, number(float64(n)), "baseline", "")
	}
	p.table(head...)
	prefix := fmt.Sprintf("%s/shoots=%d/impl=seedguard", bench, p.largest())
	for _, name := range p.results.matching(prefix) {
		rest := strings.TrimPrefix(name, prefix)
		cells := []string{strings.ReplaceAll(strings.TrimPrefix(rest, "/"), "/", ", ")}
		for _, n := range p.sizes {
			ours := fmt.Sprintf("%s/shoots=%d/impl=seedguard%s", bench, n, rest)
			theirs := fmt.Sprintf("%s/shoots=%d/impl=baseline%s", bench, n, rest)
			cells = append(cells, p.value(ours, unit, scale), p.value(theirs, unit, scale), p.ratio(ours, theirs, unit))
		}
		p.row(cells...)
	}
}

func (p *page) inProcess() {
	p.printf(
		"\n## In process\n\nAuthorize, nanoseconds; the baseline is the same authorizer on the graph that searches:\n")
	p.bySize("Authorize", "ns/op", 1)
	p.printf("\nA SubjectAccessReview from bytes to bytes. The official codec answers without metrics.\n")
	p.table("Shoots", "graph", "codec", "µs", "B", "allocations")
	p.rows("Review/", func(k map[string]string) []string { return []string{k["shoots"], k["impl"], k["codec"]} })
	p.printf("\nAdmission, from the request to the response, with 50 ManagedSeeds:\n")
	p.table("request", "", "µs", "B", "allocations")
	p.rows("Admit/", func(k map[string]string) []string { return []string{k["request"], k["impl"]} })
}

// rows prints time, bytes and allocations of all benchmarks with the prefix.
func (p *page) rows(prefix string, cells func(keys map[string]string) []string) {
	for _, name := range p.results.matching(prefix) {
		p.row(append(cells(keys(name)), p.value(name, "ns/op", microsecond), p.value(name, "B/op", 1),
			p.value(name, "allocs/op", 1))...)
	}
}

// keys returns the parts key=value of a name.
func keys(name string) map[string]string {
	found := map[string]string{}
	for part := range strings.SplitSeq(name, "/") {
		if key, value, ok := strings.Cut(part, "="); ok {
			found[key] = value
		}
	}
	return found
}

func (p *page) wire() {
	p.printf("\n## Over the wire\n\n![requests per second by callers](wire.svg)\n\nTLS 1.3, one HTTP/2 connection, " +
		"client certificates, loopback; the callers run in the same process on the same processors and cost\n" +
		"more than the server. The baseline is an empty handler.\n")
	for _, bench := range []string{"Wire", "WireAdmission"} {
		p.printf("\n%s:\n", map[string]string{"Wire": "SubjectAccessReviews",
			"WireAdmission": "AdmissionReviews with objects of up to 4 kB"}[bench])
		p.table("callers", "", "requests/s", "of the empty handler's", "p50 µs", "p99 µs", "p99.9 µs")
		for _, name := range p.results.matching(bench + "/") {
			k, share := keys(name), ""
			a, ok := p.results.of(name, "requests/s")
			b, found := p.results.of(strings.Replace(name, "impl=seedguard", "impl=baseline", 1), "requests/s")
			if ok && found && k["impl"] == "seedguard" {
				share = number(100*a/b) + " %"
			}
			p.row(k["callers"], k["impl"], number(a), share, p.value(name, "p50-ns", microsecond),
				p.value(name, "p99-ns", microsecond), p.value(name, "p99.9-ns", microsecond))
		}
	}
	p.printf("\n### What settings bring\n\nSubjectAccessReviews, 64 callers. The settings of the garbage collector " +
		"hold for callers and server together, and for a heap of\n" +
		"some megabytes; that of a server with 100,000 Shoots is collected less often. `streams` limits the calls on a " +
		"connection. GOGC=100 and 2000 streams are the\n" +
		"defaults: what lies between these two rows is noise. Ciphers are those of TLS 1.2; TLS 1.3 leaves no choice. " +
		"Two rows are the server without what it does for speed:\n" +
		"a call's timer runs only when something waits for it, and a call's stack is made large at once.\n")
	p.table("setting", "value", "requests/s", "of the defaults'", "p50 µs", "p99 µs", "p99.9 µs")
	for _, name := range p.results.matching("WireSettings/") {
		setting, value, _ := strings.Cut(strings.TrimPrefix(name, "WireSettings/setting="), "/value=")
		share, a := "", 0.0
		if defaults, ok := p.results.of("WireSettings/setting=streams/value=2000", "requests/s"); ok {
			a, _ = p.results.of(name, "requests/s")
			share = number(100*a/defaults) + " %"
		}
		p.row(setting, value, number(a), share, p.value(name, "p50-ns", microsecond), p.value(name, "p99-ns", microsecond),
			p.value(name, "p99.9-ns", microsecond))
	}
}

func (p *page) process() {
	names := p.results.matching("Process/")
	if len(names) == 0 {
		return
	}
	p.printf("\n## Memory of the process\n\n`seedguard serve` on an API server that streams objects of some 20 kB a " +
		"Shoot in protobuf, informers and all. MiB, as the system counts.\n" +
		"The time to be ready includes that the API server, on the same processors, makes up and encodes two gigabytes.\n" +
		"An API server that does not stream lists has them in pages.\n" +
		"The baseline keeps whole objects in the informers' caches and fills its graph from them; it is asked nothing.\n")
	p.table("Shoots", "", "setting", "list", "ready after s", "resident when ready", "resident after 1 s of requests",
		"highest")
	for _, name := range names {
		k := keys(name)
		p.row(append([]string{k["shoots"], k["impl"], k["setting"], k["list"]}, p.processFigures(name)...)...)
	}
	p.printf("\nThe same on a real etcd and kube-apiserver, with Gardener's resources as CustomResourceDefinitions, so " +
		"that objects come in JSON; beside it the server\n" +
		"above. To create 100,000 Shoots there takes half an hour: `go test -run '^$' -bench ProcessKubeAPIServer " +
		"-timeout 1h ./benchmarks -kube-apiserver-shoots 100000`.\n")
	p.table("Shoots", "API server", "ready after s", "resident when ready", "resident after 1 s of requests", "highest",
		"kube-apiserver")
	for _, name := range p.results.matching("ProcessKubeAPIServer/") {
		k := keys(name)
		p.row(append(append([]string{k["shoots"], k["server"]}, p.processFigures(name)...),
			p.value(name, "kube-apiserver-MiB", 1))...)
	}
}

func (p *page) processFigures(name string) []string {
	return []string{p.value(name, "ready-s", 1), p.value(name, "ready-MiB", 1), p.value(name, "rss-MiB", 1),
		p.value(name, "peak-MiB", 1)}
}

// share is what a profile is asked about: a function, with all that it calls.
type share struct{ function, what string }

// profiled are the benchmarks of which a profile is made.
var profiled = []struct {
	bench, what string
	shares      []share
}{
	{"^Wire$/^callers=64$/^impl=seedguard$", "SubjectAccessReviews", []share{
		{".(*webhook).ServeHTTP", "seedguard's handler"},
		{".(*Server).answerReview", "of that: decode, decide, count, answer"},
		{"server.decodeReview", "of that: decode"},
		{"authorizer.(*Authorizer).Authorize", "of that: decide"},
	}},
	{"^WireAdmission$/^callers=64$/^impl=seedguard$", "AdmissionReviews", []share{
		{".(*webhook).ServeHTTP", "seedguard's handler"},
		{".(*Server).answerAdmission", "of that: decode, decide, count, answer"},
		{"server.decodeAdmission", "of that: decode"},
		{"admission.(*Plugin).Admit", "of that: decide"},
	}},
}

// sharesOfAll are asked about in all profiles.
var sharesOfAll = []share{
	{"benchmarks.(*endpoint).post", "callers, before their requests reach the connection"},
	{"crypto/tls.(*Conn).Write", "TLS, writing, both sides"},
	{"crypto/tls.(*Conn).Read", "TLS, reading, both sides"},
	{"internal/runtime/syscall/linux.Syscall6", "system calls"},
	{"runtime.gcBgMarkWorker", "garbage collector, marking"},
	{"runtime.mallocgc", "allocating"},
	{"runtime.schedule", "scheduling goroutines"},
}

// profiles prints where the time went, by what pprof says of each profile.
func (p *page) profiles(tops []string) {
	p.printf("\n## Where the time goes\n\nCPU profiles over the wire, 64 callers: callers and server in one process. A " +
		"share includes all that is called, so shares overlap.\n")
	for i, top := range tops {
		p.printf("\n%s:\n", profiled[i].what)
		p.table("share", "function", "what")
		for _, s := range slices.Concat(profiled[i].shares, sharesOfAll) {
			for line := range strings.Lines(top) {
				fields := strings.Fields(line)
				// flat flat% sum% cum cum% name
				if len(fields) >= 6 && strings.HasSuffix(fields[4], "%") && strings.HasSuffix(fields[5], s.function) {
					p.row(fields[4], "`"+fields[5]+"`", s.what)
					break
				}
			}
		}
	}
}

func (p *page) plots() map[string]string {
	var points []string
	for _, n := range p.sizes {
		points = append(points, number(float64(n))+" Shoots")
	}
	sized := func(title, name string) series {
		s := series{name: title}
		for _, n := range p.sizes {
			v, _ := p.results.of(fmt.Sprintf(name, n), "ns/op")
			s.values = append(s.values, v)
		}
		return s
	}
	callers := func(title, name string) series {
		s := series{name: title}
		for _, n := range callerCounts {
			v, _ := p.results.of(fmt.Sprintf(name, n), "requests/s")
			s.values = append(s.values, v)
		}
		return s
	}
	var counts []string
	for _, n := range callerCounts {
		counts = append(counts, fmt.Sprintf("%d callers", n))
	}
	return map[string]string{
		"decision.svg": plot("One decision in the graph", "ns", true, points, []series{
			sized("private, hit", "Decision/shoots=%d/impl=seedguard/vertex=private/answer=hit/goroutines=1"),
			sized("private, hit: baseline", "Decision/shoots=%d/impl=baseline/vertex=private/answer=hit/goroutines=1"),
			sized("Namespace, miss", "Decision/shoots=%d/impl=seedguard/vertex=namespace/answer=miss/goroutines=1"),
			sized("Namespace, miss: baseline", "Decision/shoots=%d/impl=baseline/vertex=namespace/answer=miss/goroutines=1"),
			sized("CloudProfile, miss", "Decision/shoots=%d/impl=seedguard/vertex=cloudprofile/answer=miss/goroutines=1"),
			sized("CloudProfile, miss: baseline",
				"Decision/shoots=%d/impl=baseline/vertex=cloudprofile/answer=miss/goroutines=1"),
		}),
		"update.svg": plot("One update of one Shoot", "ns", true, points, []series{
			sized("no edge changes", "Update/shoots=%d/impl=seedguard/change=heartbeat"),
			sized("no edge changes: baseline", "Update/shoots=%d/impl=baseline/change=heartbeat"),
			sized("another Seed", "Update/shoots=%d/impl=seedguard/change=move"),
			sized("another Seed: baseline", "Update/shoots=%d/impl=baseline/change=move"),
			sized("create", "Update/shoots=%d/impl=seedguard/change=create"),
			sized("create: baseline", "Update/shoots=%d/impl=baseline/change=create"),
		}),
		"wire.svg": plot("Requests over TLS and HTTP/2, callers on the same cores", "/s", false, counts, []series{
			callers("reviews", "Wire/callers=%d/impl=seedguard"),
			callers("reviews: empty handler", "Wire/callers=%d/impl=baseline"),
			callers("admission", "WireAdmission/callers=%d/impl=seedguard"),
			callers("admission: empty handler", "WireAdmission/callers=%d/impl=baseline"),
		}),
	}
}

var callerCounts = []int{1, 16, 64, 256}

// procField returns a field of a file in /proc, empty where there is none.
func procField(file, field string) string {
	content, err := os.ReadFile(file) // #nosec G304 -- called with what is above
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(content)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == field {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// command returns what a program prints, empty when it fails.
func command(program string, arguments ...string) string {
	out, err := exec.Command(program, arguments...).Output() // #nosec G204 -- called with what is above
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
