# Shared by the scripts of this folder: where things are, and how to say what is wrong. Sourced, never run.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

python=$root/.venv/bin/python
export PATH=$root/.venv/bin:$PATH
export PIP_DISABLE_PIP_VERSION_CHECK=1

# Each compiler of a scheduler with templates may take a gigabyte: the number of jobs follows cores and memory.
if [ -z "${JOBS:-}" ]; then
  JOBS=$(nproc 2>/dev/null || echo 2)
  memory_gib=$(awk '/MemAvailable/ {print int($2 / 1048576)}' /proc/meminfo 2>/dev/null || echo 4)
  [ "$memory_gib" -ge 1 ] || memory_gib=1
  [ "$JOBS" -le "$memory_gib" ] || JOBS=$memory_gib
fi
export JOBS CMAKE_BUILD_PARALLEL_LEVEL=$JOBS

say() { printf '== %s\n' "$*"; }
complain() { printf 'stealscope: %s\n' "$*" >&2; }
fail() {
  complain "$@"
  exit 1
}

is_root() { [ "$(id -u)" -eq 0 ]; }
has() { command -v "$1" >/dev/null 2>&1; }

# Installs Debian packages; only root can. The lists are fetched first, once: a fresh machine has none.
apt_install() {
  has apt-get && is_root || return 1
  export DEBIAN_FRONTEND=noninteractive
  if [ ! -e build/.apt-updated ]; then
    apt-get update -qq || return 1
    mkdir -p build && touch build/.apt-updated
  fi
  apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# Unpacks one Debian package under build/debian, for users who may not install it.
apt_unpack() {
  has apt-get && has dpkg-deb || return 1
  mkdir -p build/debian
  (cd build/debian && rm -f "$1"_*.deb && apt-get download -qq "$1" && dpkg-deb -x "$1"_*.deb .) >/dev/null 2>&1
}

# `newer_than 3.21 3.25.1`: is the second version the first or a later one?
newer_than() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }
