#!/usr/bin/env bash
# Configures and builds a preset. Quiet when all is well; shows the compiler's words when not.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-release}
tree=build/$preset
log=$tree/build.log
mkdir -p "$tree"
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1  # clones of one project share what is compiled
if [ ! -e "$tree/build.ninja" ] || [ CMakePresets.json -nt "$tree/build.ninja" ]; then
  cmake --preset "$preset" >"$log" 2>&1 || { cat "$log"; exit 1; }
fi
if [ -t 1 ]; then
  ninja -C "$tree"
else
  echo "building $tree"
  start=$SECONDS
  ninja -C "$tree" >"$log" 2>&1 || { grep -vE '^\[[0-9]+/[0-9]+\] ' "$log" | head -n 200; exit 1; }
  echo "built $tree in $((SECONDS - start)) s"
fi
