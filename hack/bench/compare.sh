#!/usr/bin/env bash
# Compares the benchmarks of the working tree with those of another revision, by benchstat.
#
#   hack/bench/compare.sh REV [benchmarks, a regular expression; default: seedguard's own Decision|Update|Authorize|Review|Admit]
#
# COUNT is how often each is run (6), SHOOTS the sizes of the landscape (10000). The two take turns, so that what else the machine
# does meets both.
set -euo pipefail
cd "$(dirname "$0")/../.."
revision=${1:?no revision: make bench-compare BASE=REV, or hack/bench/compare.sh REV [BENCHMARKS]}
benchmarks=${2:-'^Benchmark(Decision|Update|Authorize|Review|Admit)$/./(impl=seedguard|managedSeeds)'}
count=${COUNT:-6}

work=$(mktemp -d)
trap 'git worktree remove --force "$work/base" 2>/dev/null; rm -rf "$work"' EXIT
git worktree add --quiet --detach "$work/base" "$revision"
(cd "$work/base" && go test -c -o "$work/old.test" ./benchmarks)
go test -c -o "$work/new.test" ./benchmarks

for ((i = 1; i <= count; i++)); do
  echo "compare.sh: $i of $count" >&2
  for side in old new; do
    (cd benchmarks && "$work/$side.test" -test.run '^$' -test.bench "$benchmarks" -test.benchmem -shoots "${SHOOTS:-10000}") >>"$work/$side.txt"
  done
done
go run golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da "$revision=$work/old.txt" "worktree=$work/new.txt"
