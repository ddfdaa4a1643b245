#!/usr/bin/env bash
# Runs every fuzz target of the module, each a number of times (10000x) or for a time (1m). go test fuzzes one target of one package at
# a time. Go 1.26 may report the end of the time as a failure (go.dev/issue/75804), so CI counts.
set -euo pipefail
cd "$(dirname "$0")/.."
fuzztime=${1:-10000x}

grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' cmd pkg test | sort | while IFS=: read -r file func; do
  target=${func#func }
  echo "== $(dirname "$file") $target"
  # </dev/null: go test must not read the list that the loop reads.
  go test "./$(dirname "$file")" -run '^$' -fuzz "^$target\$" -fuzztime "$fuzztime" -fuzzminimizetime 1s </dev/null
done
