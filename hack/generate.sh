#!/usr/bin/env bash
# Writes what is generated from seedguard's tables: the manifests in deploy/ and the tables in docs/rules.md.
# With --check nothing is written; it fails when something would change.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/seedguard" ./cmd/seedguard

"$work/seedguard" manifests --output-dir "$work/generated"
"$work/seedguard" rules edges -o markdown >"$work/edges.md"
"$work/seedguard" rules authorizer -o markdown >"$work/rules.md"
"$work/seedguard" rules restriction -o markdown >"$work/restriction.md"
"$work/seedguard" rules writes -o markdown >"$work/writes.md"
# Each table stands between two markers of its name, as in <!-- edges:begin --> and <!-- edges:end -->.
awk -v work="$work" '
  /<!-- [a-z]+:end -->/   { skip = 0 }
  !skip                   { print }
  /<!-- [a-z]+:begin -->/ {
    name = $2; sub(/:begin/, "", name); file = work "/" name ".md"; skip = 1; lines = 0
    print ""
    while ((getline line < file) > 0) { print line; lines++ }
    print ""
    if (lines == 0) { print "no table for the marker " name > "/dev/stderr"; exit 1 }
  }
' docs/rules.md >"$work/rules-filled.md"

if [[ "${1:-}" == --check ]]; then
  diff -ru deploy/generated "$work/generated" && diff -u docs/rules.md "$work/rules-filled.md" ||
    { echo "generated files are out of date: run 'make generate'" >&2; exit 1; }
else
  rm -rf deploy/generated
  cp -r "$work/generated" deploy/generated
  cp "$work/rules-filled.md" docs/rules.md
fi
