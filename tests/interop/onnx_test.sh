#!/usr/bin/env bash
# ONNX Runtime gives the logits of every kind of model, by the graph of whole sequences and by that of one step, which
# goes on from the other's states. onnx_test.sh SEQTAPE MODULES_FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
seqtape=$(realpath "$1") modules=$(realpath -m "$2")
[ -d "$modules/node_modules/onnxruntime-node" ] || { echo "skipped: scripts/setup.sh --interop installs what it needs"; exit 77; }
export SEQTAPE_NODE_MODULES=$modules/node_modules
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat "$here"/../../models/*.cpp >"$work/text"
awk 'BEGIN { for (i = 0; i < 60; ++i) { printf "%d", i % 2; for (t = 0; t < 40; ++t) printf ",%.3f", 5000 + 9 * sin(t * (1 + i % 2)); print "" } }' >"$work/waves.csv"
python3 - "$work/tones" <<'EOF'
import math, os, sys, wave
for name, turn in ("low", 0.1), ("high", 0.8):
    os.makedirs(f"{sys.argv[1]}/{name}")
    for i in range(6):
        with wave.open(f"{sys.argv[1]}/{name}/{i}.wav", "wb") as out:
            out.setparams((1, 1, 2000, 0, "NONE", "none"))
            out.writeframes(bytes(round(128 + 100 * math.sin(turn * (t + i))) for t in range(2000)))
EOF
# case_of NAME TASK MODEL [KEY=VALUE...]: TASK is text, adding (real values, one answer), listops (tokens, one answer) or
# waves (values in units, which the graph scales), or tones (samples, in bands of the mel scale)
case_of() {
  local name=$1 task=$2 model=$3 sets=()
  shift 3
  for one in "$@"; do sets+=(--set "$one"); done
  case $task in
    text) task='{"name": "text", "path": "text", "length": 64}' ;;
    adding) task='{"name": "adding", "length": 64}' ;;
    listops) task='{"name": "listops", "length": 64, "shortest": 16}' ;;
    tones) task='{"name": "audio", "path": "tones", "length": 2000, "rate": 2000, "features": "logmel", "window": 48, "hop": 20, "bands": 6, "validation_fraction": 0.3, "test_fraction": 0}' ;;
    waves) task='{"name": "series_classes", "path": "waves.csv", "length": 64, "normalise": true}' ;;
  esac
  cat >"$work/$name.json" <<EOF
{"seed": 1, "task": $task, "model": {"name": "$model", "d_model": 32, "layers": 2},
 "optimizer": {"name": "adamw", "lr": 0.01}, "train": {"steps": 20, "batch": 8, "tensorboard": false}}
EOF
  "$seqtape" train "$work/$name.json" --out "$work/run-$name" "${sets[@]}" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
  "$seqtape" export "$work/run-$name" --format onnx --out "$work/$name" >/dev/null
  node "$here/onnx.mjs" "$work/$name"
}
models=$("$seqtape" list models | sed -n 's/^\([a-z0-9_]*\): .*/\1/p')
[ "$(wc -w <<<"$models")" -ge 11 ]
for model in $models; do case_of "$model" text "$model"; done
case_of mamba-taps text mamba model.d_conv=1 model.proj_bias=true
case_of mamba2-groups text mamba2 model.n_groups=2 model.head_dim=16 model.d_state=8
case_of alibi text transformer model.positions=alibi
case_of learned text transformer model.positions=learned model.norm=layer_norm model.norm_place=post
case_of values-mamba adding mamba
case_of values-last adding lstm model.pooling=last
case_of values-first adding transformer model.pooling=first model.positions=learned
case_of scaled waves gru
case_of pooled-s4 listops s4 model.residual_scale=0.5
case_of patches adding gru 'model.stem={"name":"patch","size":6,"stride":4}'
case_of convolution adding transformer model.positions=learned 'model.stem={"name":"conv","kernel":5,"stride":4}'
case_of convolution-1 waves mamba 'model.stem={"name":"conv","kernel":3,"stride":1}'
case_of bands tones mamba
case_of bands-stem tones s4d model.pooling=last 'model.stem={"name":"patch","size":3,"stride":2}'
case_of mixed text mamba 'model.layers=["mamba","transformer"]'
