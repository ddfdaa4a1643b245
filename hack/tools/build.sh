#!/usr/bin/env bash
# Builds the programs that tests and checks run, once, into a cache folder, and prints the path of each.
#
#   hack/tools/build.sh [etcd] [kube-apiserver] [golangci-lint]     (all of them without arguments)
#
# Versions are those of hack/tools/go.mod and hack/lint/go.mod. What is built already is reused; a change of those files, or
# of the flags below, leads to another folder. The first build of kube-apiserver takes some five minutes on two cores.
# SEEDGUARD_TOOLS is the cache folder; the default is seedguard in the user's cache folder.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${SEEDGUARD_TOOLS:-${XDG_CACHE_HOME:-${HOME:?neither SEEDGUARD_TOOLS nor HOME is set}/.cache}/seedguard}
export CGO_ENABLED=0 GOFLAGS=-trimpath GOWORK=off

fail() {
  echo "build.sh: $*" >&2
  exit 1
}

command -v go >/dev/null || fail "go is not in PATH"

# build <name> <module> <package> [<linker flags>]
build() {
  local name=$1 module=$2 package=$3 ldflags="-s -w ${4:-}" hash folder binary
  hash=$({ cat "$module/go.mod" "$module/go.sum"; echo "$GOFLAGS $ldflags"; } | sha256sum | cut -c1-12)
  folder=$cache/$name-$hash
  binary=$folder/$name
  if [[ ! -x $binary ]]; then
    mkdir -p "$folder" || fail "cannot create $folder; SEEDGUARD_TOOLS names another cache folder"
    echo "build.sh: building $name ($package), this is done once" >&2
    # Built aside and moved, so that neither an interrupted build nor a parallel one leaves half a file.
    (cd "$module" && go build -o "$binary.$$" -ldflags "$ldflags" "$package") ||
      fail "cannot build $name from $module; are the modules within reach (GOPROXY=$(go env GOPROXY))?"
    mv "$binary.$$" "$binary"
  fi
  echo "$binary"
}

# version_of <module folder> <module path>
version_of() {
  (cd "$1" && go list -m -f '{{.Version}}' "$2") || fail "cannot find the version of $2 in $1"
}

# Without these flags kube-apiserver says that its version is v0.0.0, and seedguard asks for it.
kubernetes_version_flags() {
  local version major minor package flags=
  version=$(version_of "$here" k8s.io/kubernetes)
  IFS=. read -r major minor _ <<<"${version#v}"
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $package.gitVersion=$version -X $package.gitMajor=$major -X $package.gitMinor=$minor"
    flags+=" -X $package.gitTreeState=clean -X $package.gitCommit="
  done
  echo "$flags"
}

[[ $# -gt 0 ]] || set -- etcd kube-apiserver golangci-lint
for tool in "$@"; do
  case $tool in
  etcd) build etcd "$here" go.etcd.io/etcd/server/v3 ;;
  kube-apiserver)
    flags=$(kubernetes_version_flags)
    build kube-apiserver "$here" k8s.io/kubernetes/cmd/kube-apiserver "$flags"
    ;;
  golangci-lint) build golangci-lint "$here/../lint" github.com/golangci/golangci-lint/v2/cmd/golangci-lint ;;
  *) fail "unknown tool $tool; there are etcd, kube-apiserver and golangci-lint" ;;
  esac
done
