#!/usr/bin/env bash
# The checks that take longest: ThreadSanitizer, valgrind's memcheck, instructions an operation, the second compiler, the Python
# tests of the minimal build and without the GIL, the seeded faults, what would be released, and the real tokio-console.
# usage: slow-checks.sh [tsan|memcheck|instructions|clang|minimal-python|free-threaded|faults|wheel|console...]   (default: all)
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
checks=("$@")
[ $# -gt 0 ] || checks=(tsan memcheck instructions clang minimal-python free-threaded faults wheel console)

# The newest clang at hand or in the package lists; the second compiler catches what the first mishandles.
clang_tests() {
  local version
  for version in 16 19 17 18 15; do
    command -v "clang++-$version" >/dev/null && break
    [ "$(id -u)" -eq 0 ] && apt-get install -y -qq --no-install-recommends "clang-$version" >/dev/null 2>&1 && break
  done
  CXX=clang++-$version bash scripts/cpp-tests.sh clang unit
}

needs_valgrind() {
  has valgrind || apt_install valgrind || fail "valgrind is missing; on Debian or Ubuntu: apt-get install valgrind"
}

# What ends tasks and worlds, and what keeps their memory: there a leak or a late access would be. Under valgrind everything takes some
# fifty times as long, so tests that repeat a thousand times stay out; AddressSanitizer runs those.
memcheck_tests() {
  needs_valgrind
  # Without fair-sched one busy thread may keep valgrind's lock for many seconds, and a test waits for the others in vain.
  export CPP_TESTS_UNDER="valgrind --quiet --fair-sched=yes --error-exitcode=1 --leak-check=full --suppressions=tests/valgrind.supp"
  local unit='Runtime.*:Shutdown.*:Slots.*:Pool.*:BlockInPlace.*:Taskdump.*:Channel.*:Oneshot.*:ProgramTest.*:FuzzCorpus.*'
  GTEST_FILTER="$unit:-Taskdump.S22*" scripts/cpp-tests.sh dev unit || return 1
  GTEST_FILTER='ShutdownStress.*:-*a_thousand*:*spawns_from_outside*' scripts/cpp-tests.sh dev stress
}

# The real tokio-console at its newest version, built once: 200 crates, half an hour for one job on two cores that were busy otherwise.
console_tests() {
  export STEALSCOPE_TOKIO_CONSOLE=$root/build/tokio-console/bin/tokio-console
  if [ ! -x "$STEALSCOPE_TOKIO_CONSOLE" ]; then
    has cargo || fail "cargo is missing; rustup installs it (Debian's may be too old for tokio-console)"
    say "building tokio-console"
    CARGO_TARGET_DIR=$root/build/tokio-console/target cargo install --quiet --locked --root "$root/build/tokio-console" tokio-console || return 1
  fi
  has tmux || apt_install tmux || fail "tmux is missing; on Debian or Ubuntu: apt-get install tmux"
  scripts/python-tests.sh tests/python/integrations/test_real_tokio_console.py
}

status=0
for check in "${checks[@]}"; do
  case $check in
    tsan) scripts/cpp-tests.sh tsan unit stress || status=1 ;;
    memcheck) memcheck_tests || status=1 ;;
    instructions) { needs_valgrind && python3 benchmarks/instructions.py; } || status=1 ;;
    clang) clang_tests || status=1 ;;
    minimal-python) scripts/minimal.sh || status=1 ;;
    free-threaded) scripts/free-threaded.sh || status=1 ;;
    faults) python3 scripts/faults.py || status=1 ;;
    wheel) scripts/check-wheel.sh || status=1 ;;
    console) console_tests || status=1 ;;
    *) fail "slow-checks.sh: '$check' is none of tsan, memcheck, instructions, clang, minimal-python, free-threaded, faults, wheel, console" ;;
  esac
done
exit "$status"
