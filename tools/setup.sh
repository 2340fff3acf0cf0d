#!/usr/bin/env bash
# Installs what a target needs, once, and only what is missing. Debian 12 or Ubuntu 24.04, root or sudo.
#
#   tools/setup.sh build     compiler, CMake, libraries
#   tools/setup.sh demo      build + a Python environment that runs the examples
#   tools/setup.sh test      demo + linters and test tools
#   tools/setup.sh bench     test + the queues we compare with
#   tools/setup.sh fuzz      test + clang's fuzzer
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:?usage: tools/setup.sh build|demo|test|bench|fuzz}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
have_package() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

packages=(g++ cmake ninja-build ccache mold pkg-config libsqlite3-dev libre2-dev libfmt-dev
  libtomlplusplus-dev libcli11-dev libedit-dev python3 python3-venv procps)
case $what in
  test | bench | fuzz) packages+=(libgtest-dev librapidcheck-dev clang-14 clang-tidy-14 clang-format-14 strace) ;;
esac
case $what in
  bench) packages+=(task-spooler parallel ninja-build) ;;
  fuzz) packages+=(libclang-rt-14-dev) ;;
esac

boost_package() {  # Boost.JSON needs 1.81 or newer, which is not every release's default
  local version
  for version in 1.81 1.83 1.88 1.90; do
    if apt-cache show "libboost-json$version-dev" >/dev/null 2>&1; then
      echo "libboost$version-dev libboost-json$version-dev"
      return
    fi
  done
  echo "error: this release has no Boost >= 1.81; Debian 12 and Ubuntu 24.04 have one" >&2
  exit 1
}

missing=()
for package in "${packages[@]}"; do have_package "$package" || missing+=("$package"); done
boost_status=$(dpkg-query -W -f='${Status}\n' 'libboost-json1.8*-dev' 'libboost-json1.9*-dev' 2>/dev/null || true)
if [[ $boost_status != *'ok installed'* ]]; then
  missing+=(boost)
fi
if [ ${#missing[@]} -gt 0 ]; then
  echo "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  as_root apt-get update -qq
  list=()
  for package in "${missing[@]}"; do
    if [ "$package" = boost ]; then read -ra boost <<<"$(boost_package)"; list+=("${boost[@]}"); else list+=("$package"); fi
  done
  as_root apt-get install -y -qq --no-install-recommends "${list[@]}" >/tmp/cattino-apt.$$ 2>&1 ||
    { cat /tmp/cattino-apt.$$; rm -f /tmp/cattino-apt.$$; exit 1; }
  rm -f /tmp/cattino-apt.$$
fi

[ "$what" = build ] && exit 0
python=${PYTHON:-python3}
if [ ! -x .venv/bin/python ]; then
  echo "making the Python environment .venv"
  "$python" -m venv .venv
fi
wants=(-r examples/train_eval/requirements.txt)
case $what in test | bench | fuzz) wants+=(-r python/requirements-test.txt) ;; esac
stamp=.venv/.stamp-$what
if [ ! -e "$stamp" ] || [ examples/train_eval/requirements.txt -nt "$stamp" ] || [ python/requirements-test.txt -nt "$stamp" ]; then
  echo "installing Python packages into .venv"
  .venv/bin/python -m pip install -q --disable-pip-version-check "${wants[@]}"
  touch "$stamp"
fi
