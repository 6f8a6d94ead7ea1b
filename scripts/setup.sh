#!/usr/bin/env bash
# Installs what building and testing needs, from Debian's packages. Safe to run again.
#   --browser: also what the tests of the report page need
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh

need_packages git g++ cmake ninja-build libopenblas-openmp-dev libopenblas0-openmp libdnnl-dev nlohmann-json3-dev \
  libcxxopts-dev libsndfile1-dev libsamplerate0-dev libcsv-dev libzip-dev doctest-dev protobuf-compiler zlib1g-dev ca-certificates
for option in "$@"; do
  case "$option" in
    --browser) need_packages chromium nodejs npm ;;
    *) fail "unknown option \"$option\"; known: --browser" ;;
  esac
done
