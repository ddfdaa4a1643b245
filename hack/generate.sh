#!/usr/bin/env bash
# Writes what is generated from seedguard's tables: the manifests in deploy/ and the rule table in README.md.
# With --check nothing is written; it fails when something would change.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/seedguard" ./cmd/seedguard

"$work/seedguard" manifests --output-dir "$work/generated"
"$work/seedguard" rules -o markdown >"$work/rules.md"
awk -v rules="$work/rules.md" '
  /<!-- rules:begin -->/ { print; print ""; while ((getline line < rules) > 0) print line; print ""; skip = 1 }
  /<!-- rules:end -->/   { skip = 0 }
  !skip                  { if ($0 !~ /rules:begin/) print }
' README.md >"$work/README.md"

if [[ "${1:-}" == --check ]]; then
  diff -ru deploy/generated "$work/generated" && diff -u README.md "$work/README.md" ||
    { echo "generated files are out of date: run 'make generate'" >&2; exit 1; }
else
  rm -rf deploy/generated
  cp -r "$work/generated" deploy/generated
  cp "$work/README.md" README.md
fi
