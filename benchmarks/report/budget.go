package main

import (
	"fmt"
	"slices"
	"strings"
)

// row is a budget with what was measured. Numbers are in the row's unit.
type row struct {
	what     string
	unit     string
	limit    float64
	atLeast  bool // the limit is a lower bound
	measured float64
	// least is the figure of the quietest run, 0 where it is not told.
	least float64
	// note says which of several figures this is, the worst.
	note string
	// baseline is 0 when there is none.
	baseline float64
	// why says what a miss comes from, and what it would take to do better.
	why string
}

func (r *row) met() bool {
	if r.atLeast {
		return r.measured >= r.limit
	}
	return r.measured <= r.limit
}

// metInQuiet: it is met when nobody else uses the machine.
func (r *row) metInQuiet() bool { return r.met() || r.least > 0 && r.least <= r.limit }

// seconds and below, in the units of benchmarks.
const (
	microsecond = 1e3
	millisecond = 1e6
	second      = 1e9
)

const whyMemory = "The heap grows to 1.75 times what is live before it is collected; GOMEMLIMIT ends that earlier, " +
	"at the price of more collections. Live are the " +
	"graph, and of each object in the informers' caches its name, UID and packed edges."

const whyCPU = "Every look-up waits for memory that no cache of this processor holds; the time varies with what its " +
	"neighbours do."

// budgets compares the results with the budgets, at the largest size. What was not measured is left out.
func budgets(r *results, sizes []int) []row {
	n := sizes[len(sizes)-1]
	at := func(bench, impl, rest string) string {
		return fmt.Sprintf("%s/shoots=%d/impl=%s%s", bench, n, impl, rest)
	}
	var rows []row
	// add adds a row for the worst of several benchmarks, with the baseline of the same.
	add := func(w row, unit string, scale float64, bench string, rest ...string) {
		names := make([]string, len(rest))
		for i := range rest {
			names[i] = at(bench, "seedguard", rest[i])
		}
		name, value, ok := worst(r.of, unit, names...)
		if !ok {
			return
		}
		_, least, _ := worst(r.least, unit, names...)
		w.measured, w.least = value/scale, least/scale
		if len(rest) > 1 && value > 0 {
			_, w.note, _ = strings.Cut(name, "impl=seedguard/")
			w.note = strings.ReplaceAll(strings.TrimSuffix(w.note, "/goroutines=1"), "/", ", ")
		}
		baseline, _ := r.of(strings.Replace(name, "impl=seedguard", "impl=baseline", 1), unit)
		w.baseline = baseline / scale
		rows = append(rows, w)
	}
	var explicit, implied []string
	for _, v := range []string{"private", "namespace", "cloudprofile", "cluster-identity"} {
		explicit = append(explicit, "/vertex="+v+"/answer=hit/goroutines=1", "/vertex="+v+"/answer=miss/goroutines=1")
	}
	implied = append(implied, "/vertex=implied/answer=hit/goroutines=1", "/vertex=implied/answer=miss/goroutines=1",
		"/vertex=absent/answer=miss/goroutines=1")
	add(row{what: "a decision in the graph, the worst", unit: "ns", limit: 300, why: whyCPU}, "ns/op", 1, "Decision",
		explicit...)
	add(row{what: "allocations of it", unit: "", limit: 0}, "allocs/op", 1, "Decision", explicit...)
	add(row{what: "a decision on an implied or absent vertex, the worst", unit: "ns", limit: 300, why: whyCPU}, "ns/op", 1,
		"Decision", implied...)
	add(row{what: "allocations of it", unit: "", limit: 0}, "allocs/op", 1, "Decision", implied...)
	authorize := []string{"/vertex=private/answer=hit", "/vertex=private/answer=miss", "/vertex=implied/answer=hit",
		"/vertex=implied/answer=miss"}
	add(row{what: "Authorize in process, the worst", unit: "ns", limit: 500, why: whyCPU}, "ns/op", 1, "Authorize",
		authorize...)
	add(row{what: "allocations of it", unit: "", limit: 0}, "allocs/op", 1, "Authorize", authorize...)
	const whyTurns = "Three goroutines share two processors; what is measured is also how long one waits for its turn."
	add(row{what: "p99.9 of decisions by 2 goroutines while 1,000 Shoots a second move", unit: "µs", limit: 5,
		why: whyTurns},
		"p99.9-ns", microsecond, "DecisionWhileWriting", "/writer=paced")
	add(row{what: "p99.9 of decisions by 2 goroutines while Shoots move without pause", unit: "µs", limit: 100,
		why: whyTurns},
		"p99.9-ns", microsecond, "DecisionWhileWriting", "/writer=unpaused")
	if value, ok := r.of(at("AuthorizeWhileWaiting", "seedguard", "/waiting=100"), "p99-ns"); ok {
		nobody, _ := r.of(at("AuthorizeWhileWaiting", "seedguard", "/waiting=0"), "p99-ns")
		rows = append(rows, row{what: "p99 of Authorize while 100 clients wait for news and 1,000 Shoots a second move; " +
			"budget: 1.2 times as long as while nobody waits, which is the baseline", unit: "µs",
			limit:    1.2 * nobody / microsecond,
			measured: value / microsecond, baseline: nobody / microsecond, why: whyTurns})
	}
	add(row{what: "a Shoot changes its Seed", unit: "µs", limit: 15, why: whyCPU}, "ns/op", microsecond, "Update",
		"/change=move")
	add(row{what: "an update that changes no edge", unit: "µs", limit: 1,
		why: "The edges are compared with those that the graph holds, one by one. " + whyCPU},
		"ns/op", microsecond, "Update", "/change=heartbeat")
	add(row{what: "heap of the graph per Shoot, all its vertices included", unit: "B", limit: 1400,
		why: "A Shoot of this landscape brings four vertices (itself, two Secrets of its own, its BackupEntry) and eleven " +
			"edges, " +
			"and all that belongs to Seeds and Projects is counted to the Shoots."},
		"B/shoot", 1, "ColdStart", "")
	add(row{what: "resident memory of the process; the baseline keeps whole objects", unit: "MiB", limit: 450,
		why: whyMemory}, "rss-MiB", 1, "Process", "/setting=default/list=stream")
	add(row{what: "the same, where the API server has lists in pages alone", unit: "MiB", limit: 450, why: whyMemory},
		"rss-MiB", 1, "Process", "/setting=default/list=pages")
	add(row{what: "the graph built after the objects have arrived", unit: "ms", limit: 1000}, "ns/op", millisecond,
		"ColdStart", "")
	if value, ok := r.of(at("Review", "seedguard", "/codec=fast"), "ns/op"); ok {
		baseline, _ := r.of(at("Review", "baseline", "/codec=official"), "ns/op")
		rows = append(rows, row{what: "a SubjectAccessReview, bytes in to bytes out", unit: "µs", limit: 8,
			measured: value / microsecond, baseline: baseline / microsecond})
		value, _ = r.of(at("Review", "seedguard", "/codec=fast"), "allocs/op")
		baseline, _ = r.of(at("Review", "baseline", "/codec=official"), "allocs/op")
		rows = append(rows, row{what: "allocations of it", limit: 30, measured: value, baseline: baseline})
	}
	if value, ok := r.of("Wire/callers=64/impl=seedguard", "requests/s"); ok {
		empty, _ := r.of("Wire/callers=64/impl=baseline", "requests/s")
		rows = append(rows, row{what: "requests/s over TLS and HTTP/2, 64 callers; budget: 80 % of an empty handler",
			unit: "", limit: 0.8 * empty, atLeast: true,
			measured: value, baseline: empty,
			why: "What is left is the server's own: limits, deadlines, metrics, the decision and its answer."})
	}
	admit := r.matching("Admit/")
	admit = slices.DeleteFunc(admit, func(name string) bool {
		return strings.HasSuffix(name, "impl=baseline") || strings.Contains(name, "unrelatedSecret") ||
			strings.Contains(name, "updateOf30kBShoot")
	})
	if name, value, ok := worst(r.of, "ns/op", admit...); ok {
		note := strings.TrimSuffix(strings.TrimPrefix(name, "Admit/request="), "/managedSeeds=50/impl=seedguard")
		baseline, _ := r.of(strings.Replace(name, "impl=seedguard", "impl=baseline", 1), "ns/op")
		rows = append(rows, row{what: "an admission decision in process, the worst", unit: "µs", limit: 60,
			measured: value / microsecond, note: note, baseline: baseline / microsecond,
			why: "Most of it is decoding the object; of a certificate request, reading it by encoding/pem and crypto/x509."})
	}
	const unrelated = "Admit/request=unrelatedSecret/managedSeeds=50/impl="
	if value, ok := r.of(unrelated+"seedguard", "ns/op"); ok {
		baseline, _ := r.of(unrelated+"baseline", "ns/op")
		rows = append(rows, row{what: "admission of an unrelated Secret, 50 ManagedSeeds", unit: "µs", limit: 20,
			measured: value / microsecond, baseline: baseline / microsecond})
	}
	const update = "Admit/request=updateOf30kBShoot/managedSeeds=50/impl="
	if value, ok := r.of(update+"seedguard", "ns/op"); ok {
		baseline, _ := r.of(update+"baseline", "ns/op")
		rows = append(rows, row{what: "admission of an update of a Shoot of 30 kB", unit: "µs", limit: 1000,
			measured: value / microsecond, baseline: baseline / microsecond,
			why: "Both objects are decoded, and the edges of both are compared."})
	}
	return rows
}

// noise is by how much a figure may differ from one run to the next.
const noise = 0.2
