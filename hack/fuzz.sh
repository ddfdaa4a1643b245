#!/usr/bin/env bash
# Runs every fuzz target of the module for the given time each. go test fuzzes one target of one package at a time.
set -euo pipefail
cd "$(dirname "$0")/.."
fuzztime=${1:-10s}

grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' cmd pkg test | sort | while IFS=: read -r file func; do
  target=${func#func }
  echo "== $(dirname "$file") $target"
  # </dev/null: go test must not read the list that the loop reads.
  go test "./$(dirname "$file")" -run '^$' -fuzz "^$target\$" -fuzztime "$fuzztime" -fuzzminimizetime 1s </dev/null
done
