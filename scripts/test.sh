#!/usr/bin/env bash
# Installs what is missing, builds, and runs all ordinary tests; options are those of setup.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh

scripts/setup.sh "$@"
scripts/build.sh "${PRESET:-release}"
say "Testing"
ctest --preset release
