#!/usr/bin/env bash
# The checks that take longest: ThreadSanitizer, the second compiler, the Python tests of the minimal build, and the seeded faults.
# usage: slow-checks.sh [tsan|clang|minimal-python|faults...]   (default: all)
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
checks=("$@")
[ $# -gt 0 ] || checks=(tsan clang minimal-python faults)

# The newest clang at hand or in the package lists; the second compiler catches what the first mishandles.
clang_tests() {
  local version
  for version in 16 19 17 18 15; do
    command -v "clang++-$version" >/dev/null && break
    [ "$(id -u)" -eq 0 ] && apt-get install -y -qq --no-install-recommends "clang-$version" >/dev/null 2>&1 && break
  done
  CXX=clang++-$version bash scripts/cpp-tests.sh clang unit
}

status=0
for check in "${checks[@]}"; do
  case $check in
    tsan) scripts/cpp-tests.sh tsan unit stress || status=1 ;;
    clang) clang_tests || status=1 ;;
    minimal-python) scripts/minimal.sh || status=1 ;;
    faults) python3 scripts/faults.py || status=1 ;;
    *) fail "slow-checks.sh: '$check' is none of tsan, clang, minimal-python, faults" ;;
  esac
done
exit "$status"
