#!/usr/bin/env bash
# One command from a fresh clone to a trained model, in under six minutes on two cores: installs what is missing, builds the
# program alone, trains a Mamba to look things up, and shows its answers. Safe to run again: a finished run is only shown.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh

started=$SECONDS
scripts/setup.sh
scripts/build.sh quick
built=$((SECONDS - started))

run=runs/quickstart config=configs/associative_recall/mamba.json
task=(--set task.length=13 --set optimizer.lr=0.005 --set schedule.name=cosine --set train.steps=6000 --set train.eval_every=1000)
say "The task: a list of letters, each with a digit behind it; then a letter is asked. Which digit was behind it?"
build/release/seqtape show "$config" "${task[@]}" --examples 2
say "Training a Mamba of two layers, a state space model: what it reads decides what its state keeps. Guessing gets 10 %"
build/release/seqtape train "$config" "${task[@]}" --out "$run" --resume "$@"

say "Lists that it has not seen: target is the right digit, answer the model's"
build/release/seqtape show "$run" --examples 4
say "Of 2000 more, and of longer lists than it was trained on (13: five letters; 21: nine)"
build/release/seqtape eval "$run" --lengths 13,17,21 --set task.eval_sequences=2000 --batch 100

total=$((SECONDS - started))
say "Installed and built in $((built / 60)) min $((built % 60)) s, $((total / 60)) min $((total % 60)) s in all."
cat <<'NEXT'

What to try next:
  your own data                build/release/seqtape new --help           and docs/your-data.md
  which model suits a task     build/release/seqtape compare configs/compare/selective_copying.json --quick
  a million steps of memory    scripts/million.sh
NEXT
