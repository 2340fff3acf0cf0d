#!/usr/bin/env bash
# Builds with sanitizers and runs every test and check. The totals come last.
set -uo pipefail
cd "$(dirname "$0")/.."
tools/build.sh asan || exit 1
export CATTINO_VENV=$PWD/.venv
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
failed=()
tools/lint.sh || failed+=(lint)
echo "== unit tests"
ctest --test-dir build/asan --output-on-failure --no-tests=error || failed+=(ctest)
echo "== Python, integration and conformance tests"
export CATTINO_BIN=$PWD/build/asan/bin
.venv/bin/python -m pytest -q python/tests tools tests/integration || failed+=(pytest)
.venv/bin/python -m pytest -q tests/conformance || failed+=(conformance)
if [ ${#failed[@]} -gt 0 ]; then
  echo "failed: ${failed[*]}"
  exit 1
fi
echo "all checks passed"
