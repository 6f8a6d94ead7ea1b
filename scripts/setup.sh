#!/usr/bin/env bash
# Installs what building and testing needs, from Debian's packages. Safe to run again.
#   --browser: also what the tests of the pages need
#   --interop: also the programs that read our exports (tests/interop/), into build/interop/
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh

need_packages git g++ cmake ninja-build libopenblas-openmp-dev libopenblas0-openmp libdnnl-dev nlohmann-json3-dev \
  libcxxopts-dev libsndfile1-dev libflac-dev libmpg123-dev libsamplerate0-dev libcsv-dev libzip-dev libonnx-dev libprotobuf-dev \
  libpcre2-dev libutf8proc-dev doctest-dev python3 protobuf-compiler zlib1g-dev ca-certificates
for option in "$@"; do
  case "$option" in
    --browser) need_packages chromium && need_node ;;
    --interop)
      need_node
      need_packages python3-numpy
      mkdir -p build/interop
      cp tests/interop/package.json build/interop/
      say "Installing llama.cpp, ONNX Runtime and Hugging Face's readers from npm"
      (cd build/interop && npm install --omit=optional --ignore-scripts --no-audit --no-fund --silent)
      ;;
    *) fail "unknown option \"$option\"; known: --browser, --interop" ;;
  esac
done
