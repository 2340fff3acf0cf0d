#!/usr/bin/env bash
# Searches for inputs that break a rule, and keeps what is new.
#
#   tools/fuzz.sh                      every target for a minute
#   tools/fuzz.sh SECONDS [TARGET…]    these
#   tools/fuzz.sh --keep [TARGET…]     puts the fewest inputs that reach what was reached into tests/fuzz/corpus
#
# What breaks a rule lies in build/fuzz/found; `build/fuzz/bin/fuzz_TARGET FILE` runs it again.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=60
keep=
case ${1-} in
  --keep) keep=yes; shift ;;
  [0-9]*) seconds=$1; shift ;;
esac
known=()
for source in tests/fuzz/corpus/*; do known+=("$(basename "$source")"); done
targets=("${@:-${known[@]}}")
[ $# -gt 0 ] || targets=("${known[@]}")
for target in "${targets[@]}"; do
  [ -d "tests/fuzz/corpus/$target" ] || { echo "error: no target $target; there are: ${known[*]}" >&2; exit 2; }
done

mkdir -p build/fuzz/found
[ -e build/fuzz/build.ninja ] || cmake --preset fuzz >build/fuzz/build.log || { cat build/fuzz/build.log; exit 1; }
ninja -C build/fuzz "${targets[@]/#/fuzz_}"
for target in "${targets[@]}"; do
  program=build/fuzz/bin/fuzz_$target
  longest=600
  [ "$target" != requests ] || longest=4000
  kept=tests/fuzz/corpus/$target
  reached=build/fuzz/reached/$target
  mkdir -p "$reached"
  if [ -n "$keep" ]; then
    fewest=$(mktemp -d)
    "$program" -merge=1 -use_counters=0 "$fewest" "$kept" "$reached"
    rm -rf "$kept"
    mv "$fewest" "$kept"
    chmod 755 "$kept"
    echo "$target: $(find "$kept" -type f | wc -l) inputs kept"
  else
    "$program" -max_total_time="$seconds" -max_len="$longest" -timeout=20 -print_final_stats=1 -verbosity=1 \
      -artifact_prefix=build/fuzz/found/ "$reached" "$kept"
  fi
done
