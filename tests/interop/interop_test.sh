#!/usr/bin/env bash
# Trains three small models and has other programs read their exports. interop_test.sh SEQTAPE MODULES_FOLDER
#   llama.cpp continues a prompt with the same 64 most likely tokens as `generate`;
#   @huggingface/gguf parses the file; @huggingface/transformers encodes text to its bytes and back.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
seqtape=$(realpath "$1") modules=$(realpath -m "$2")
[ -d "$modules/node_modules/node-llama-cpp" ] || { echo "skipped: scripts/setup.sh --interop installs what it needs"; exit 77; }
[ "$(node -p 'parseInt(process.versions.node)')" -ge 20 ] || { echo "skipped: node-llama-cpp needs Node.js 20"; exit 77; }
export SEQTAPE_NODE_MODULES=$modules/node_modules
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

bytes() { od -An -v -tu1 | tr -s ' \n' ',' | sed 's/^,//; s/,$//'; }
prompt='def step'
cat "$here"/../../models/*.cpp "$here"/../../core/*.cpp >"$work/text"
while read -r width layers states; do
  run=$work/mamba-$width
  "$seqtape" train "$here/../../configs/text/mamba-hf.json" --out "$run" --set "task.path=$work/text" \
    --set model.d_model="$width" --set model.layers="$layers" --set model.d_state="$states" --set optimizer.lr=0.005 \
    --set train.steps=150 --set train.batch=8 --set train.tensorboard=false >"$work/log"
  "$seqtape" export "$run" --format gguf --out "$run.gguf" --verify
  "$seqtape" export "$run" --format hf --out "$run-hf" >/dev/null
  ours=$("$seqtape" generate "$run" --prompt "$prompt" --tokens 64 --temperature 0 2>/dev/null | tail -c +$((${#prompt} + 1)) |
    head -c 64 | bytes)
  theirs=$(node "$here/gguf.mjs" "$run.gguf" "$(printf %s "$prompt" | bytes)" 64 | tr -d '[]')
  echo "width $width: $ours"
  [ "$ours" = "$theirs" ] || { echo "llama.cpp says: $theirs"; exit 1; }
  [ "$(tr ',' '\n' <<<"$ours" | wc -l)" = 64 ] || { echo "not 64 tokens"; exit 1; }
  node "$here/files.mjs" "$run.gguf" "$run-hf"
done <<'SIZES'
32 1 16
64 2 8
128 3 16
SIZES

# A model of bases, whose vocabulary has no end token and an unknown one.
awk 'BEGIN { print ">r"; for (i = 0; i < 700; ++i) print "ACGGTCAAT" }' >"$work/g.fa"
cat >"$work/dna.json" <<'EOF'
{"task": {"name": "dna", "path": "g.fa", "length": 64}, "model": {"name": "mamba", "d_model": 32, "layers": 2, "tie_embeddings": true, "head_bias": false},
 "optimizer": {"lr": 0.01}, "train": {"steps": 60, "batch": 8, "tensorboard": false}}
EOF
"$seqtape" train "$work/dna.json" --out "$work/dna" >"$work/log"
"$seqtape" export "$work/dna" --format gguf --out "$work/dna.gguf" >/dev/null
ours=$("$seqtape" generate "$work/dna" --prompt ACGGT --tokens 32 --temperature 0 2>/dev/null | tail -c +6 | tr ACGTN 01234 | fold -w1 | paste -sd,)
theirs=$(node "$here/gguf.mjs" "$work/dna.gguf" 0,1,2,2,3 32 | tr -d '[]')
echo "bases: $ours"
[ "$ours" = "$theirs" ] || { echo "llama.cpp says: $theirs"; exit 1; }
