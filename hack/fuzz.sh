#!/usr/bin/env bash
# Fuzzes every target of the module: each a number of times (2000x), or for a time (1m).
#
# A number of times is a short run for CI. It goes without the guidance by coverage, for which all dependencies would be
# compiled once more. A time is a search with it. Go 1.26 may report its end as a failure (go.dev/issue/75804).
set -euo pipefail
cd "$(dirname "$0")/.."
fuzztime=${1:-2000x}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
targets=$(grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' cmd pkg test | sed 's/func //' | sort)
[[ $fuzztime != *x ]] || go test -c -o "$work/" $(sed 's,^,./,; s,/[^/]*$,,' <<<"$targets" | sort -u)

while IFS=: read -r file target; do
  package=$(dirname "$file")
  echo "== $package $target"
  if [[ $fuzztime == *x ]]; then
    (cd "$package" && "$work/$(basename "$package").test" -test.run '^$' -test.fuzz "^$target\$" \
      -test.fuzztime "$fuzztime" -test.fuzzminimizetime 1s -test.fuzzcachedir "$work/cache/$package")
  else
    go test "./$package" -run '^$' -fuzz "^$target\$" -fuzztime "$fuzztime" -fuzzminimizetime 1s
  fi </dev/null # or what is run would read the list of targets
done <<<"$targets"
