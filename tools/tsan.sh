#!/usr/bin/env bash
# Builds with ThreadSanitizer and runs the unit tests of the rooms that have threads.
#
#   tools/tsan.sh            all of them
#   tools/tsan.sh ROOM…      these
#
# A race ends the run with its two stacks. Nothing is suppressed. The thousands of damaged inputs are left to
# `make test`: they have no other threads than the rest, and take long here. So is the test of lines of short
# tasks: no task is short here.
set -euo pipefail
cd "$(dirname "$0")/.."
rooms=("$@")
[ $# -gt 0 ] || rooms=(sys devices host store supervisor engine server)
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
[ -e build/tsan/build.ninja ] || cmake --preset tsan >/dev/null
ninja -C build/tsan "${rooms[@]/%/_test}"
export TSAN_OPTIONS="halt_on_error=1 second_deadlock_stack=1 ${TSAN_OPTIONS-}"
for room in "${rooms[@]}"; do
  # Its shadow memory has fixed places, where some kernels put programs: those are loaded at theirs, too.
  echo "== $room"
  setarch --addr-no-randomize "build/tsan/bin/${room}_test" --gtest_brief=1 --gtest_filter='-Seeds/Damage*:*Short_tasks_are*'
done
echo "no data races"
