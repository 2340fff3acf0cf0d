#!/usr/bin/env bash
# Every check of form: tidy, formatting, clang-tidy, ruff, mypy. One line a tool; what a tool complains of
# comes before its line. Wants build/asan configured. Python tools come from $CATTINO_VENV, else .venv,
# else PATH. With --fast, clang-tidy and the compilation of headers are left out; with --deep, clang-tidy runs
# the static analyzer, too, which more than doubles its time.
set -u
cd "$(dirname "$0")/.." || exit 2

fast=0
deep=()
case "${1:-}" in
  "") ;;
  --fast) fast=1 ;;
  --deep) deep=(--analyzer) ;;
  *) echo "usage: tools/lint.sh [--fast | --deep]" >&2; exit 2 ;;
esac

venv="${CATTINO_VENV:-$PWD/.venv}"
if [ -d "$venv/bin" ]; then
  PATH="$venv/bin:$PATH"
fi

failed=()
# check NAME COMMAND…: runs it, shows its output only if it fails, and says one line.
check() {
  local name=$1 output started=$SECONDS
  shift
  if ! command -v "$1" >/dev/null 2>&1; then
    printf '%-14s MISSING   %s is not installed\n' "$name" "$1"
    failed+=("$name")
  elif output=$("$@" 2>&1); then
    printf '%-14s ok        %3d s\n' "$name" $((SECONDS - started))
  else
    printf '%s\n' "$output"
    printf '%-14s FAILED    %3d s\n' "$name" $((SECONDS - started))
    failed+=("$name")
  fi
}

# Files that git knows or would add, that exist, with one of these endings.
files() {
  git ls-files -z --cached --others --exclude-standard -- "$@" |
    while IFS= read -r -d '' file; do [ -f "$file" ] && printf '%s\0' "$file"; done
}

mapfile -d '' sources < <(files 'src/*.cc' 'src/*.h' 'tests/*.cc' 'tests/*.h' 'bench/*.cc' 'bench/*.h')
if [ "$fast" = 1 ]; then
  check tidy python3 tools/tidy.py
else
  check tidy python3 tools/tidy.py --headers
fi
check clang-format clang-format-14 --dry-run -Werror "${sources[@]}"
if [ "$fast" = 0 ]; then
  check clang-tidy python3 tools/clang_tidy_cached.py "${deep[@]}"
fi

mapfile -d '' scripts < <(files 'python/*.py' 'tools/*.py' 'tests/*.py' 'bench/*.py' 'examples/*.py')
check ruff ruff check "${scripts[@]}"
check ruff-format ruff format --check "${scripts[@]}"
if [ -d python/cattino ]; then
  check mypy mypy --strict python
fi
check mypy-tools mypy --strict tools

if [ ${#failed[@]} -gt 0 ]; then
  echo "lint: failed: ${failed[*]}"
  exit 1
fi
echo "lint: all clean"
