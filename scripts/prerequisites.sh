#!/usr/bin/env bash
# Checks what only the user can provide. Each missing thing gets one line: what it is and how to get it.
# Prints the Python to use on success.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
missing=0
lacks() {
  complain "$@"
  missing=1
}

has git || lacks "git is missing; on Debian or Ubuntu: apt-get install git"

compiles_cpp20() {
  has "$1" || return 1
  printf '#include <atomic>\n#include <concepts>\n#include <coroutine>\n#include <span>\nint main() {}\n' |
    "$1" -std=c++20 -x c++ -fsyntax-only - 2>/dev/null
}
compiler=
for candidate in ${CXX:-c++ g++ clang++}; do
  if compiles_cpp20 "$candidate"; then
    compiler=$candidate
    break
  fi
done
[ -n "$compiler" ] ||
  lacks "no C++20 compiler (tried: ${CXX:-c++, g++, clang++}); on Debian or Ubuntu: apt-get install g++ (12 or newer), or set CXX"

found=
for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
  if has "$candidate" && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    found=$(command -v "$candidate")
    break
  fi
done
if [ -z "$found" ]; then
  lacks "no Python 3.11 or newer (tried: ${PYTHON:-python3, python3.11 to python3.14}); on Debian or Ubuntu: apt-get install python3 python3-venv, or set PYTHON"
elif ! "$found" -c 'import venv, ensurepip' 2>/dev/null; then
  lacks "Python's venv module is missing from $found; on Debian or Ubuntu: apt-get install python3-venv"
fi

[ "$missing" -eq 0 ] || exit 1
printf '%s\n' "$found"
