#!/usr/bin/env bash
# Configures and builds a preset (default: release).
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh

preset=${1:-release}
say "Building ($preset): some minutes on two cores, the first time"
cmake --preset "$preset" > build.log 2>&1 || { cat build.log; fail "configuring failed"; }
rm -f build.log
# A terminal shows each step in one line; a pipe gets a line for every tenth, and all that is not a step.
if [ -t 1 ]; then
  cmake --build --preset "$preset"
else
  cmake --build --preset "$preset" | awk '
    match($0, /^\[[0-9]+\/[0-9]+\]/) {
      split(substr($0, 2, RLENGTH - 2), step, "/")
      tenth = int(10 * step[1] / step[2])
      if (tenth > last) { print "built " 10 * tenth " %"; fflush() }
      last = tenth
      next
    }
    { print; fflush() }'
fi
