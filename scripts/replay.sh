#!/usr/bin/env bash
# Guards a refactoring: a commit's program and the present one must train, generate and export to the same bits.
#   scripts/replay.sh COMMIT [PATTERN]    PATTERN: only the cases whose names contain it
# Builds COMMIT in build/replay/, once, and the present tree in build/release; then scripts/replay.py runs both.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh
[ $# -ge 1 ] || fail "which commit? scripts/replay.sh COMMIT [PATTERN]"

commit=$(git rev-parse --verify --short "$1^{commit}") || fail "\"$1\" is no commit of this repository"
before=build/replay/$commit
if [ ! -x "$before/build/release/seqtape" ]; then
  git worktree prune
  [ -d "$before" ] || git worktree add --detach --quiet "$before" "$commit"
  say "Building $commit"
  (cd "$before" && cmake --preset release >/dev/null && cmake --build --preset release --target seqtape | tail -n 1)
fi
say "Building the present tree"
[ -f build/release/build.ninja ] || cmake --preset release >/dev/null
cmake --build build/release --target seqtape | tail -n 1
exec python3 scripts/replay.py "$before/build/release/seqtape" build/release/seqtape "${2:-}"
