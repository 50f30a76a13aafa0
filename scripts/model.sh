#!/usr/bin/env bash
# Runs the model tests, and says by protocol what was explored.  usage: model.sh [--bound N] [--preset PRESET]
# N pre-emptions: 2 by default, as in CI; 3 is the long run, and takes hours. GTEST_FILTER works as usual.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
bound=2
preset=
while [ $# -gt 0 ]; do
  case $1 in
    --bound) bound=${2:?--bound needs a number} ;;
    --preset) preset=${2:?--preset needs a name} ;;
    *) fail "model.sh: '$1' is none of --bound N, --preset PRESET" ;;
  esac
  shift 2
done
[[ $bound =~ ^[0-9]+$ ]] || fail "model.sh: --bound $bound; need a number of pre-emptions (default 2)"

# The long run is worth a build of its own, an optimised one.
[ -n "$preset" ] || { [ "$bound" -gt 2 ] && preset=model; } || preset=dev

reports=$root/build/explored
rm -rf "$reports"
mkdir -p "$reports"
status=0
MODEL_PREEMPTIONS=$bound REPORTS=$reports CPP_TESTS_LIMIT=${CPP_TESTS_LIMIT:-$((bound > 2 ? 36000 : 900))} \
  bash scripts/cpp-tests.sh "$preset" model >"$reports/log" 2>&1 || status=$?
[ "$status" -eq 0 ] || grep -vE '^  (found after|[a-z].* [0-9]+ ms$)' "$reports/log" >&2
python3 scripts/model_table.py "$reports" || status=1
exit "$status"
