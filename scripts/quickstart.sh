#!/usr/bin/env bash
# One command from a fresh clone to a trained Mamba: installs what is missing, builds, trains it to recall a token (at
# length 256, later at up to 4096), and tests it at lengths up to a million. Safe to run again: a finished run is only tested.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh

scripts/setup.sh
scripts/build.sh

started=$SECONDS
run=runs/quickstart
say "Training: find the marker's first place in a sequence, answer with what followed it (256 tokens, later up to 4096)"
build/release/seqtape train configs/induction_heads/mamba.json --out "$run" --resume "$@"
trained=$((SECONDS - started))

say "Accuracy on fresh sequences of each length"
echo "   length  accuracy                      time               speed"
build/release/seqtape eval "$run" --lengths 64,256,1024,4096,16384,65536 --set task.eval_sequences=64 --batch 64
build/release/seqtape eval "$run" --lengths 262144,1048576 --set task.eval_sequences=16 --batch 16

total=$((SECONDS - started))
say "Trained in $((trained / 60)) min $((trained % 60)) s, $((total / 60)) min $((total % 60)) s with the tests."
cat <<'NEXT'

What to try next:
  build/release/seqtape show configs/induction_heads/mamba.json           what the model saw
  build/release/seqtape inspect runs/quickstart                           what it has learned, by tensor
  scripts/fetch_data.sh kjv && build/release/seqtape train configs/text/mamba.json
                                                                          a byte language model of a real book
  build/release/seqtape generate runs/text/mamba --prompt "And God" --tokens 300
NEXT
