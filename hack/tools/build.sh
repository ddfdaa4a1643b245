#!/usr/bin/env bash
# Builds the programs that tests and checks run, once, into a cache directory, and prints the path of each.
#
#   hack/tools/build.sh [tool...]     (without arguments: all but gardenlet and gardener-controller-manager)
#
#   gardener-apiserver, gardenlet, gardener-controller-manager: Gardener's
#   kube-apiserver: the newest that this Gardener supports
#   etcd: the version of their clients
#   golangci-lint
#
# hack/lint/go.mod says the version of golangci-lint, hack/tools/go.mod those of the others. One module has them, because
# API servers of the same version share most of what is compiled.
#
# What is built already is reused; a change of the go.mod, or of the flags below, leads to another directory. The first
# build of an API server takes some five minutes on two cores. SEEDGUARD_TOOLS is the cache directory; the default is
# seedguard in the user's cache directory.
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
  local name=$1 module=$2 package=$3 ldflags="-s -w ${4:-}" hash directory binary
  hash=$({ cat "$module/go.mod" "$module/go.sum"; echo "$GOFLAGS $ldflags"; } | sha256sum | cut -c1-12)
  directory=$cache/$name-$hash
  binary=$directory/$name
  if [[ ! -x $binary ]]; then
    mkdir -p "$directory" || fail "cannot create $directory; SEEDGUARD_TOOLS names another cache directory"
    echo "build.sh: building $name ($package), this is done once" >&2
    # Built aside and moved, so that neither an interrupted build nor a parallel one leaves half a file.
    (cd "$module" && go build -o "$binary.$$" -ldflags "$ldflags" "$package") ||
      fail "cannot build $name from $module; are the modules within reach (GOPROXY=$(go env GOPROXY))?"
    mv "$binary.$$" "$binary"
  fi
  echo "$binary"
}

# version_flags <module path>. Without these flags a program says that its version is v0.0.0: seedguard asks
# kube-apiserver for it, and gardenlet does not start with it.
version_flags() {
  local version major minor package flags=
  version=$(cd "$here" && go list -m -f '{{.Version}}' "$1") || fail "cannot find the version of $1"
  IFS=. read -r major minor _ <<<"${version#v}"
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $package.gitVersion=$version -X $package.gitMajor=$major -X $package.gitMinor=$minor"
    flags+=" -X $package.gitTreeState=clean -X $package.gitCommit="
  done
  echo "$flags"
}

[[ $# -gt 0 ]] || set -- etcd kube-apiserver gardener-apiserver golangci-lint
for tool in "$@"; do
  case $tool in
  etcd) build etcd "$here" go.etcd.io/etcd/server/v3 ;;
  kube-apiserver)
    flags=$(version_flags k8s.io/kubernetes)
    build kube-apiserver "$here" k8s.io/kubernetes/cmd/kube-apiserver "$flags"
    ;;
  gardener-apiserver | gardenlet | gardener-controller-manager)
    flags=$(version_flags github.com/gardener/gardener)
    build "$tool" "$here" "github.com/gardener/gardener/cmd/$tool" "$flags"
    ;;
  golangci-lint) build golangci-lint "$here/../lint" github.com/golangci/golangci-lint/v2/cmd/golangci-lint ;;
  *) fail "unknown tool $tool; the first lines of this file name them" ;;
  esac
done
