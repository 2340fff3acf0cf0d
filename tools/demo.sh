#!/usr/bin/env bash
# A real pipeline on four declared devices, in a home of its own under build/demo.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
export PATH=$root/build/release/bin:$root/.venv/bin:$PATH
export CATTINO_HOME=$root/build/demo CATTINO_PYTHON=$root/.venv/bin/python CATTINO_DEVICES=4x24GiB
say() { printf '\n\033[1m$ %s\033[0m\n' "$*"; }
run() { say "$@"; "$@"; }
meow exit -y >/dev/null 2>&1 || true  # a backend of an earlier demo
rm -rf "$CATTINO_HOME"
trap 'meow exit -y >/dev/null 2>&1 || true' EXIT

cd examples/train_eval
run meow create task.py
run meow wait
run meow list
run meow watch digits/eval
