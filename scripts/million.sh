#!/usr/bin/env bash
# Trains a Mamba to recall a token at lengths up to 4096, and asks it at lengths up to a million: about five minutes on two
# free cores. Safe to run again: a finished run is only tested. Arguments go to the training, `--threads 1` for one.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh

[ -x build/release/seqtape ] || { scripts/setup.sh && scripts/build.sh quick; }

started=$SECONDS
run=runs/million
say "Training: find the marker's first place in a sequence, answer with what followed it (256 tokens, later up to 4096)"
build/release/seqtape train configs/induction_heads/mamba.json --out "$run" --resume "$@"
trained=$((SECONDS - started))

say "Accuracy on fresh sequences of each length"
echo "   length  accuracy                      time               speed"
build/release/seqtape eval "$run" --lengths 64,256,1024,4096,16384,65536 --set task.eval_sequences=64 --batch 64
build/release/seqtape eval "$run" --lengths 262144,1048576 --set task.eval_sequences=16 --batch 16

total=$((SECONDS - started))
say "Trained in $((trained / 60)) min $((trained % 60)) s, $((total / 60)) min $((total % 60)) s with the tests."
