#!/usr/bin/env bash
# Trains small models and comparisons, and looks at their pages. page_test.sh SEQTAPE BUILD_FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
seqtape=$(realpath "$1") work=$(realpath "$2")/browser
mkdir -p "$work"
cp "$here/package.json" "$work/"
[ -d "$work/node_modules/puppeteer-core" ] || (cd "$work" && npm install --silent --ignore-scripts --no-audit --no-fund)
rm -rf "$work/compare" "$work/scaling" "$work/runs"
mkdir "$work/runs"
cd "$work/runs"

# Texts of two classes, of which one has a name that must stay text.
awk 'BEGIN {srand(1); for (i = 0; i < 240; ++i) {c = i % 2; printf "%s\t", c ? "<b class=\"injected\">b</b>" : "a & \"b\"";
  for (k = 0; k < 24; ++k) printf "%c", (rand() < 0.7 ? (c ? 60 : 97) : 65) + int(rand() * 3); print ""}}' > lines.tsv
# Months with a rhythm of seven.
awk 'BEGIN {srand(1); print "day,sold"; for (i = 0; i < 540; ++i) {
  printf "%d-%02d,%.1f\n", 1950 + int(i / 12), i % 12 + 1, 100 + 20 * (i % 7 < 5) + 8 * rand()}}' > sales.csv
cat "$here/../../README.md" "$here/../../docs/training.md" > text.txt
model='"model": {"name": "gru", "d_model": 16, "layers": 1}, "optimizer": {"name": "adamw", "lr": 0.01}'
steps='"train": {"steps": 40, "batch": 8, "eval_every": 10, "tensorboard": false}'
echo "{\"task\": {\"name\": \"documents\", \"path\": \"lines.tsv\", \"length\": 32}, $model, $steps}" > classes.json
echo "{\"task\": {\"name\": \"series\", \"path\": \"sales.csv\", \"time\": \"day\", \"columns\": [\"sold\"], \"targets\": [\"sold\"],
  \"length\": 28, \"horizon\": 7, \"season\": 7}, $model, $steps}" > forecast.json
echo "{\"task\": {\"name\": \"text\", \"path\": \"text.txt\", \"length\": 128, \"train_fraction\": 0.8, \"test_fraction\": 0.1},
  $model, $steps}" > text.json
for kind in classes forecast text; do
  "$seqtape" train $kind.json --out $kind >/dev/null
  "$seqtape" report $kind >/dev/null
done
"$seqtape" train forecast.json --set model.name=s4d --out forecast-s4d >/dev/null
"$seqtape" report forecast forecast-s4d --out several.html >/dev/null
# A run that was killed before its first checkpoint.
mkdir -p begun/checkpoints
cp classes/config.json begun/
head -n 3 classes/metrics.jsonl > begun/metrics.jsonl
"$seqtape" report begun >/dev/null

comparison="$here/../../configs/compare/selective_copying.json"
"$seqtape" compare "$comparison" --quick --set train.steps=60 --set train.eval_every=20 --out "$work/compare" >/dev/null
"$seqtape" compare "$comparison" --quick --seeds 1 --scaling --out "$work/scaling" >/dev/null
SEQTAPE_BROWSER_MODULES=$work node "$here/page.mjs" "$work/pictures" classes/report.html=4 forecast/report.html=10 \
  text/report.html=6 several.html=10 begun/report.html=1 "$work/compare/report.html=5" "$work/scaling/report.html=3"
