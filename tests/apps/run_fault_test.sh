#!/usr/bin/env bash
# Saving, resuming, rolling back, replacing and comparing, with each file call in turn failing (ENOSPC, EIO) or being the
# last of a killed process. Afterwards the same run is gone on with: it ends with the bits and the metrics of one that
# nothing disturbed, and before that no whole checkpoint is lost but what the command was asked to discard.
#   run_fault_test.sh SEQTAPE [STRIDE [OFFSET]]: of the calls every STRIDE-th, by default all, from a random OFFSET, which is
#   printed. Needs a C compiler.
set -u
stride=${2:-1} offset=${3:-$RANDOM}
echo "one call in $stride, from number $((1 + offset % stride))"
seqtape=$(realpath "$1") here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) && cd "$work" || exit 1
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
cc -shared -fPIC -w -o shim.so "$here/../support/shim.c" -ldl || { echo "skipped: no C compiler"; exit 77; }
export ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 OMP_NUM_THREADS=1

cat >c.json <<'J'
{"task": {"name": "induction_heads", "vocab": 8, "length": 16, "eval_sequences": 8},
 "model": {"name": "gru", "d_model": 8, "layers": 1, "dropout": 0.1},
 "train": {"steps": 6, "batch": 2, "eval_every": 2, "checkpoint_every": 2, "log_every": 1, "keep_last": 2, "ema": 0.9}}
J
cat >g.json <<'J'
{"task": {"name": "parity", "length": 8, "eval_sequences": 8}, "models": ["gru", "rnn"], "lengths": [8, 16],
 "train": {"steps": 2, "batch": 2, "eval_every": 2, "tensorboard": false}}
J
train() { "$seqtape" train c.json --out run "$@"; }
compare() { "$seqtape" compare g.json --out run "$@"; }

# What must not depend on faults: weights, moments, metrics but for the clock's.
content() {
  (cd "$1" && sha256sum checkpoints/step-00000006/{model,optimizer}.safetensors && sed -E 's/"(seconds|tokens_per_second)":[^,}]*//g' metrics.jsonl)
}
verdicts() { sed -E 's/,[0-9.e+]*,[0-9.e+]*,[0-9.e+]*,[0-9.e+]*,([0-9]*,)[^,]*$/,\1/' run/results.csv | cut -d, -f1-6; }

total=0 kills=0
# each NAME BEFORE AFTER COMMAND...: BEFORE prepares ./run, COMMAND is disturbed, AFTER says whether all is well
each() {
  local name=$1 before=$2 after=$3 calls n mode
  shift 3
  rm -rf run && $before >log 2>&1 || fail "$name: setup: $(cat log)"
  rm -rf start && { [ -d run ] && cp -a run start || mkdir start; }
  SHIM_COUNT=$work/count SHIM_N=0 SHIM_MATCH=$work/run LD_PRELOAD=$work/shim.so "$@" >log 2>&1 || fail "$name: $(cat log)"
  calls=$(cat count)
  [ "$calls" -ge 6 ] || fail "$name: only $calls calls are seen"
  for mode in SHIM_KILL=1 SHIM_ERR=28 SHIM_ERR=5; do
    for n in $(seq $((1 + offset % stride)) "$stride" "$calls"); do
      rm -rf run && cp -a start run
      rmdir run 2>/dev/null
      # In a shell of its own, whose word on the killed process goes to the log as well.
      bash -c 'env "$@"; exit' _ "$mode" SHIM_N="$n" SHIM_MATCH="$work/run" LD_PRELOAD="$work/shim.so" "$@" >log 2>&1
      code=$?
      case $mode in
        SHIM_KILL=1) kills=$((kills + 1)) ;;
        *) [ $code = 0 ] || [ $code = 1 ] || fail "$name, $mode at call $n: exit $code: $(cat log)" ;;
      esac
      $after >log2 2>&1 || fail "$name, $mode at call $n: $(tail -n 3 log2); the first said: $(tail -n 2 log); there is $(ls run run/checkpoints 2>&1 | tr '\n' ' ')"
      total=$((total + 1))
    done
  done
  echo "$name: $calls calls"
}

nothing() { :; }
four() { train --set train.steps=4; }
six() { train; }

train >log 2>&1 || fail "$(cat log)"
content run >straight
rm -rf run && train --set seed=2 >log 2>&1 && content run >second
goes_on() {
  # Where a checkpoint was there before, one is there now.
  if [ -d start/checkpoints ]; then "$seqtape" eval run || return 1; fi
  train --resume && content run | diff - straight && [ -z "$(find run -name '*.unfinished' -o -name '*.tmp' -o -name '*.removed' -o -name '*.replaced')" ]
}
each "save" nothing goes_on "$seqtape" train c.json --out run
each "resume" four goes_on "$seqtape" train c.json --out run --resume
each "roll back" six goes_on "$seqtape" train c.json --out run --resume --checkpoint step-00000004

# The same step twice: a run that a signal stopped in an evaluation saves, evaluates when it is gone on with, and saves.
due() {
  four && python3 - <<'P'
import re, zlib
path = "run/checkpoints/step-00000004/state.json"
# The checksum is over the compact text of all else.
text = "".join(line.strip().replace('": ', '":', 1) for line in open(path))
text = re.sub(r',"crc32_of_state":\d+', "", text).replace('"evaluation_due":false', '"evaluation_due":true')
open(path, "w").write('%s,"crc32_of_state":%d}' % (text[:-1], zlib.crc32(text.encode())))
lines = open("run/metrics.jsonl").read().splitlines()
open("run/metrics.jsonl", "w").write("".join(l + "\n" for l in lines if not ('"validation"' in l and '"step":4,' in l)))
P
}
each "save the same step again" due goes_on "$seqtape" train c.json --out run --resume

# --force: the old run, whole, or the new one from its start.
old_or_new() {
  if train --resume --set seed=2; then content run | diff - second; else train --resume | grep "already finished" && content run | diff - straight; fi
}
each "replace" six old_or_new "$seqtape" train c.json --out run --force --set seed=2

rm -rf run && compare >log 2>&1 || fail "$(cat log)"
compared=$(verdicts)
rm -rf run
goes_on_comparing() { compare && [ "$(verdicts)" = "$compared" ]; }
each "compare" nothing goes_on_comparing "$seqtape" compare g.json --out run
echo "$total failures and kills, $kills of them kills"
