#!/usr/bin/env bash
# Configures and builds a preset (default: release).
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh

preset=${1:-release}
say "Building ($preset)"
cmake --preset "$preset" > build.log 2>&1 || { cat build.log; fail "configuring failed"; }
rm -f build.log
cmake --build --preset "$preset" -- --quiet
