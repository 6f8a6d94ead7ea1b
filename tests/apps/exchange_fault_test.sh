#!/usr/bin/env bash
# import and every export, with each of their file calls in turn failing (ENOSPC, EIO) or being the last of a killed
# process: a second try, without --force, always gives what an undisturbed one does, and leaves nothing beside it.
#   exchange_fault_test.sh SEQTAPE [STRIDE [OFFSET]]: of the calls every STRIDE-th, by default all, from a random OFFSET,
#   which is printed. Needs a C compiler.
set -u
stride=${2:-1} offset=${3:-$RANDOM}
echo "one call in $stride, from number $((1 + offset % stride))"
seqtape=$(realpath "$1") here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) && cd "$work" || exit 1
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
cc -shared -fPIC -w -o shim.so "$here/../support/shim.c" -ldl || { echo "skipped: no C compiler"; exit 77; }
export ASAN_OPTIONS=verify_asan_link_order=0 OMP_NUM_THREADS=1

for i in $(seq 60); do echo "grey stones by the quiet river, $i"; done >text
cat >c.json <<'J'
{"task": {"name": "text", "path": "text", "length": 16, "train_fraction": 0.8}, "train": {"steps": 2, "batch": 2, "tensorboard": false},
 "model": {"name": "mamba", "d_model": 16, "layers": 1, "tie_embeddings": true, "head_bias": false}}
J
"$seqtape" train c.json --out run >log 2>&1 && "$seqtape" export run --format hf --out hf >log 2>&1 || fail "setup: $(cat log)"
# A tokenizer, which import copies into the run.
sed -i 's/"!":33/"!":34/; s/"\\"":34/"\\"":33/' hf/tokenizer.json

shimmed() { SHIM_MATCH="$work/out" LD_PRELOAD="$work/shim.so" "$@"; }
tries=0
# try NAME COMMAND...: writes out/x; what an undisturbed run writes is in wanted/
try() {
  local name=$1 calls n mode
  shift
  rm -rf out wanted && mkdir out
  SHIM_COUNT=$work/count SHIM_N=0 shimmed "$@" >log 2>&1 || fail "$name undisturbed: $(cat log)"
  mv out wanted
  calls=$(cat count)
  [ "$calls" -ge 6 ] || fail "$name: only $calls calls are seen"
  for mode in SHIM_KILL=1 SHIM_ERR=28 SHIM_ERR=5; do
    for n in $(seq $((1 + offset % stride)) "$stride" "$calls"); do
      rm -rf out && mkdir out
      # Within a shell whose own word on the killed process is not wanted.
      first=$({ env "$mode" SHIM_N="$n" SHIM_MATCH="$work/out" LD_PRELOAD="$work/shim.so" "$@" >log 2>&1; echo $?; } 2>/dev/null)
      # One that succeeded is not asked again: the call was one that it can do without.
      [ $first = 0 ] || "$@" >log2 2>&1 || fail "$name, $mode at call $n: then $(cat log2); the first said: $(cat log)"
      if [ $first = 0 ]; then rmdir out/*.unfinished 2>/dev/null; fi  # the call was to remove it
      [ "$(ls -A out)" = "$(ls -A wanted)" ] || fail "$name, $mode at call $n: there is $(ls -A out)"
      diff -r -x .lock out wanted >log || fail "$name, $mode at call $n: $(cat log)"
      tries=$((tries + 1))
    done
  done
  echo "$name: $calls calls"
}
try import "$seqtape" import hf --out "$work/out/x"
for format in hf mamba_ssm gguf onnx c safetensors npz; do
  try "export $format" "$seqtape" export run --format "$format" --out "$work/out/x"
done
# --force over an older export: what stands there is the old or the new one, file by file, and the command succeeds then.
"$seqtape" train c.json --out other --set seed=2 >log 2>&1 || fail "setup: $(cat log)"
for format in hf gguf; do
  rm -rf out old new && mkdir out
  "$seqtape" export other --format $format --out out/x >log 2>&1 && mv out old && mkdir out || fail "setup: $(cat log)"
  "$seqtape" export run --format $format --out out/x >log 2>&1 && mv out new && cp -r old out || fail "setup: $(cat log)"
  again=("$seqtape" export run --format $format --force --out "$work/out/x")
  SHIM_COUNT=$work/count SHIM_N=0 shimmed "${again[@]}" >log 2>&1 || fail "--force undisturbed: $(cat log)"
  calls=$(cat count)
  for mode in SHIM_KILL=1 SHIM_ERR=28 SHIM_ERR=5; do
    for n in $(seq $((1 + offset % stride)) "$stride" "$calls"); do
      rm -rf out && cp -r old out
      { env "$mode" SHIM_N="$n" SHIM_MATCH="$work/out" LD_PRELOAD="$work/shim.so" "${again[@]}" >log 2>&1; } 2>/dev/null
      (cd old && find . -type f) | while read -r file; do
        cmp -s "out/$file" "old/$file" || cmp -s "out/$file" "new/$file" || fail "--force, $mode at call $n: $file is neither"
      done || exit 1
      "${again[@]}" >log 2>&1 || fail "--force, $mode at call $n: then $(cat log)"
      diff -r out new >log || fail "--force, $mode at call $n: $(cat log)"
      tries=$((tries + 1))
    done
  done
  echo "export $format --force: $calls calls"
done
echo "$tries failures and kills"
