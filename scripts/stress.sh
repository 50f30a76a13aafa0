#!/usr/bin/env bash
# Looks for rare failures until the time is over: the C++ stress tests and the property tests, each round with fresh seeds.
# usage: stress.sh [--minutes N] [pytest arguments]   (default: 10 minutes; tests/python/property)   SITE= as in python-tests.sh
# A failure is printed with its seed and a command that runs the same round again; the exit status says whether there was one.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
minutes=10
if [ "${1:-}" = --minutes ]; then
  minutes=${2:-}
  shift 2 || true
fi
[[ $minutes =~ ^[1-9][0-9]*$ ]] || fail "--minutes '$minutes'; need a whole number of minutes, at least 1"
tests=("$@")
[ $# -gt 0 ] || tests=(tests/python/property)
[ -z "${SITE:-}" ] || export PYTHONPATH=$root/$SITE

[ -x "$python" ] || bash scripts/setup.sh dev
program=build/dev/stress_tests
if ! { cmake --preset dev && cmake --build build/dev -j "$JOBS" --target stress_tests; } >build/stress.log 2>&1; then
  fail "the C++ stress tests did not build; the whole log is in build/stress.log"
fi

end=$((SECONDS + 60 * minutes))
failures=0
# round LIMIT REPLAY COMMAND...: stopped when the time is over, which is no failure; one that takes longer than LIMIT seconds hangs.
round() {
  local limit=$1 replay=$2 left=$((end - SECONDS)) status=0
  shift 2
  [ "$left" -gt 0 ] || return 0
  timeout -k 20 $((left < limit ? left : limit)) "$@" >build/stress-round.log 2>&1 || status=$?
  if [ "$status" -eq 0 ] || { [ "$status" -eq 124 ] && [ "$left" -lt "$limit" ]; }; then return 0; fi
  failures=$((failures + 1))
  [ "$status" -ne 124 ] || complain "did not end within $limit s; the last test in the log hangs"
  grep -E '^\[  FAILED  \]|^FAILED |^ERROR |replay|@reproduce_failure|Failure$' build/stress-round.log | sort -u | head -n 40
  tail -n 20 build/stress-round.log
  cp build/stress-round.log "build/stress-failure-$failures.log"
  complain "failed with status $status; the whole output is in build/stress-failure-$failures.log; the same round again:
  $replay"
}

rounds=0
while [ "$SECONDS" -lt "$end" ]; do
  rounds=$((rounds + 1))
  seed=$((1 + (RANDOM * 32768 + RANDOM) % 99999)) # GoogleTest takes 1..99999
  say "round $rounds, seed $seed"
  # The stress tests take about half a minute on two quiet cores.
  round 600 "$program --gtest_shuffle --gtest_random_seed=$seed" "$program" --gtest_shuffle "--gtest_random_seed=$seed"
  round 7200 "HYPOTHESIS_PROFILE=stress $python -m pytest -x --hypothesis-seed=$seed ${tests[*]}" \
    env PYTHONUNBUFFERED=1 HYPOTHESIS_PROFILE=stress "$python" -m pytest -q -x -o timeout=1800 "--hypothesis-seed=$seed" "${tests[@]}"
done
say "$rounds rounds in $minutes minutes, $failures failures"
[ "$failures" -eq 0 ]
