#!/usr/bin/env bash
# Trains a small comparison and looks at its page. page_test.sh SEQTAPE BUILD_FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
seqtape=$(realpath "$1") work=$(realpath "$2")/browser
mkdir -p "$work"
cp "$here/package.json" "$work/"
[ -d "$work/node_modules/puppeteer-core" ] || (cd "$work" && npm install --silent --ignore-scripts --no-audit --no-fund)
rm -rf "$work/compare" "$work/scaling"
"$seqtape" compare "$here/../../configs/compare/selective_copying.json" --quick --set train.steps=60 \
  --set train.eval_every=20 --out "$work/compare" >/dev/null
"$seqtape" compare "$here/../../configs/compare/selective_copying.json" --quick --seeds 1 --scaling \
  --out "$work/scaling" >/dev/null
for kind in compare scaling; do
  SEQTAPE_BROWSER_MODULES=$work node "$here/page.mjs" "$work/$kind/report.html" "$work/$kind-pictures"
done
