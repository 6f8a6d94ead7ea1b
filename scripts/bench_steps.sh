#!/usr/bin/env bash
# Training steps of every architecture at growing lengths (batch 8, width 128, 4 layers): the table of docs/results.md.
#   scripts/bench_steps.sh [THREADS]
set -euo pipefail
cd "$(dirname "$0")/.."
threads=${1:-$(nproc)}
for model in $(build/release/seqtape list models | sed -n 's/^\([a-z0-9_]*\): .*/\1/p'); do
  for length in 256 1024 4096 16384; do
    build/release/seqtape bench --model "$model" --length "$length" --batch 8 --threads "$threads" --seconds 3 | tail -n 1
  done
done
