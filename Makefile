# The commands of the README. Each does its own set-up.
SHELL := /bin/bash
.ONESHELL:
.SHELLFLAGS := -euo pipefail -c
.PHONY: build demo test bench fuzz tsan lint clean

build:  ## the programs, for use: build/release/bin
	@tools/setup.sh build
	tools/build.sh release

demo:  ## a real pipeline on declared devices
	@tools/setup.sh demo
	tools/build.sh release
	tools/demo.sh

test:  ## every test and every check
	@tools/setup.sh test
	tools/test.sh

bench:  ## how fast, against the floor and other queues
	@tools/setup.sh bench
	tools/build.sh release
	.venv/bin/python bench/run.py
	build/release/bin/core_bench

fuzz:  ## a minute of search for inputs that break a rule, each target
	@tools/setup.sh fuzz
	tools/fuzz.sh

tsan:  ## the unit tests of what has threads, with ThreadSanitizer
	@tools/setup.sh test
	tools/tsan.sh

lint:  ## formatting, clang-tidy with its analyzer, include table, ruff, mypy
	@tools/setup.sh test
	tools/build.sh asan
	tools/lint.sh --deep

clean:
	rm -rf build
