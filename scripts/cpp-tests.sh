#!/usr/bin/env bash
# Builds one preset and runs its test programs.  usage: cpp-tests.sh PRESET [unit|model|stress...]   (default: unit model)
# REPORTS=folder writes a JUnit file for each program there. CPP_TESTS_LIMIT=seconds for each. CPP_TESTS_UNDER=command
# that runs each program, such as valgrind. GTEST_FILTER works as usual.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
preset=$1
shift
kinds=("${@:-unit}")
[ $# -gt 0 ] || kinds=(unit model)

if ! printf '#include <gtest/gtest.h>\n' | "${CXX:-c++}" -std=c++20 -x c++ -fsyntax-only - 2>/dev/null; then
  if ! apt_install libgtest-dev; then
    [ -e build/debian/usr/include/gtest/gtest.h ] || apt_unpack libgtest-dev ||
      fail "GoogleTest is missing; on Debian or Ubuntu: apt-get install libgtest-dev"
    export GTest_ROOT=$root/build/debian/usr
  fi
fi

say "building the C++ tests: $preset"
log=build/$preset.log
mkdir -p build
if ! { cmake --preset "$preset" && cmake --build "build/$preset" -j "$JOBS"; } >"$log" 2>&1; then
  grep -E -A 12 'error:|Error|FAILED:' "$log" | head -n 120 >&2 || tail -n 60 "$log" >&2
  fail "the C++ tests did not build; the whole log is in $log"
fi

read -r -a run <<<"${CPP_TESTS_UNDER:-}"
# ThreadSanitizer's map of the address space does not fit some kernels' randomisation.
[ "$preset" != tsan ] || ! setarch "$(uname -m)" -R true 2>/dev/null || run=(setarch "$(uname -m)" -R)
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1 second_deadlock_stack=1}
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

failed=0
limit=${CPP_TESTS_LIMIT:-900}  # seconds a program
for kind in "${kinds[@]}"; do
  program=build/$preset/${kind}_tests
  [ -x "$program" ] || continue
  say "$kind tests: $preset"
  report=()
  [ -z "${REPORTS:-}" ] || report=("--gtest_output=xml:$REPORTS/$preset-$kind.xml")
  # Whether the explorer finds a fault is a question of schedules, which a sanitizer only makes slow.
  filter=${GTEST_FILTER:-*}
  [ "$preset-$kind" != asan-model ] || filter=${GTEST_FILTER:--*Faults*}
  status=0
  output=build/$preset-$kind.log
  # A hang must end before CI's own limit does, so that the log says where.
  GTEST_FILTER=$filter timeout -k 10 "$limit" "${run[@]}" "$program" "${report[@]}" >"$output" 2>&1 || status=$?
  grep -vE '^\[ RUN      \]|^\[       OK \]|^\[-+\]|^Running main|^$|^Note: ' "$output" || true
  [ "$status" -eq 0 ] && continue
  failed=1
  # gtest ends with 1 when tests failed and has said which; otherwise the program died or hung and the last test is to blame.
  if [ "$status" -eq 1 ] && grep -qE '^ *[0-9]+ FAILED TESTS?' "$output"; then continue; fi
  culprit=$(grep -E '^\[ RUN      \]' "$output" | tail -n 1 | sed 's/^\[ RUN      \] //')
  ended="ended with status $status"
  [ "$status" -ne 124 ] || ended="did not end within $limit s"
  complain "$program $ended in ${culprit:-its start}; the whole output is in $output"
  [ -z "${REPORTS:-}" ] || printf '<testsuite><testcase name="%s"><failure/></testcase></testsuite>\n' \
    "${culprit:-start}" >"$REPORTS/$preset-$kind.xml"
done
exit "$failed"
