#!/usr/bin/env bash
# Kills a run that saves at every step, with SIGKILL, at N random moments; resumes it each time; and compares what it
# ends with, bit for bit, with a run that nothing disturbed.
#   kill_test.sh SEQTAPE N [SEED]
set -euo pipefail
seqtape=$1 kills=$2 seed=${3:-1}
RANDOM=$seed
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cat > "$place/c.json" <<'JSON'
{
  "task": {"name": "induction_heads", "vocab": 8, "length": 24, "eval_sequences": 16},
  "model": {"name": "gru", "d_model": 16, "layers": 1, "dropout": 0.1},
  "train": {"steps": 300, "batch": 4, "eval_every": 50, "checkpoint_every": 1, "log_every": 10, "ema": 0.9}
}
JSON
# A command in the background runs in a shell of its own, which this replaces: the kill must meet the program.
train() { exec "$seqtape" train "$place/c.json" --out "$place/$1" --threads 1 --set train.tensorboard=false "${@:2}"; }
fail() { echo "kill_test: $*; again: $0 $seqtape $kills $seed" >&2; exit 1; }

# What must not depend on the kills: weights, moments, and the metrics but for the clock's.
same() {
  local last=step-00000300 file
  for file in model optimizer; do
    cmp "$place/straight/checkpoints/$last/$file.safetensors" "$place/killed/checkpoints/$last/$file.safetensors" ||
      fail "$file differs after $killed kills"
  done
  for run in straight killed; do
    sed -E 's/"(seconds|tokens_per_second)":[^,}]*//g' "$place/$run/metrics.jsonl" > "$place/$run.metrics"
  done
  cmp "$place/straight.metrics" "$place/killed.metrics" || fail "the metrics differ after $killed kills"
  local stray
  stray=$(find "$place/killed" -name '*.unfinished*' -o -name '*.tmp')
  [ -z "$stray" ] || fail "left behind: $stray"
}

(train straight) > /dev/null
killed=0 finished=0
while [ $killed -lt "$kills" ]; do
  train killed --resume > "$place/log" 2>&1 &
  pid=$!
  sleep "0.$(printf '%03d' $((RANDOM % 400 + 5)))"
  if kill -KILL $pid 2> /dev/null; then
    wait $pid 2> /dev/null && code=0 || code=$?
    [ "$code" = 137 ] || [ "$code" = 0 ] || { cat "$place/log"; fail "exit code $code"; }
    killed=$((killed + 1))
  else
    wait $pid || { cat "$place/log"; fail "the run failed after $killed kills"; }
    same
    finished=$((finished + 1))
    rm -rf "$place/killed"
  fi
done
(train killed --resume) > "$place/log" 2>&1 || { cat "$place/log"; fail "cannot be resumed after $killed kills"; }
same
echo "kill_test: $killed kills, $((finished + 1)) runs to the end, every time the same bits"
