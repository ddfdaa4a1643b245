// Package benchmarks measures what seedguard's speed and memory are, each figure beside a baseline in the same run.
//
//  1. Decision, DecisionWhileWriting: the graph alone. Update, DeleteSeed, ColdStart, Relist: its writer. Ablation:
//     what each thing is worth that the graph does beyond maps, pointers and a lock.
//  2. Authorize, Review, Admit: in process, without the wire.
//  3. Wire, WireAdmission, WireSettings: over TLS and HTTP/2 on loopback, the callers on the same machine.
//  4. Process: resident memory of `seedguard serve` on an API server that serves objects of realistic size; the
//     baseline keeps whole objects.
//
// Answers are checked inside the loops. Sub-benchmarks are named key=value; impl=baseline is what seedguard is compared
// with.
//
//	go test -run '^$' -bench Decision ./benchmarks -shoots 1000,10000
//	make bench          everything, and benchmarks/REPORT.md
//	make bench-compare BASE=rev
package benchmarks
