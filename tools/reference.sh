#!/bin/sh
# Writes docs/reference.md from what the program says of itself: tools/reference.sh [DIRECTORY OF meow]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
meow=${1:-$root/build/asan/bin}/meow
"$meow" __reference > "$root/docs/reference.md.new"
mv "$root/docs/reference.md.new" "$root/docs/reference.md"
