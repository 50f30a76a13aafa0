#!/usr/bin/env bash
# What a change has to pass: layout, mistakes, types, C++ and Python tests, seeded faults.  usage: check.sh
# Ends with one table of what the model explorer ran through and which faults were killed, and "N passed, N failed".
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
export REPORTS=$root/build/check
rm -rf "$REPORTS"
mkdir -p "$REPORTS"

# note NAME [failure]: one more test, passed or failed.
note() {
  printf '<testsuite><testcase classname="check" name="%s">%s</testcase></testsuite>\n' "$1" "${2:+<$2/>}" >"$REPORTS/check-$1.xml"
}

for check in ruff-format ruff mypy clang-format; do
  if bash scripts/lint.sh "$check"; then note "$check"; else note "$check" failure; fi
done

# tests NAME COMMAND...: a program that dies without a report counts as one failure.
tests() {
  local name=$1
  shift
  "$@" || grep -lsE '<(failure|error)\b' "$REPORTS"/*.xml | grep -vq '/check-' || note "$name" failure
}
tests cpp bash scripts/cpp-tests.sh dev unit model
tests python bash scripts/python-tests.sh
tests faults python3 scripts/faults.py

python3 scripts/model_table.py "$REPORTS" --faults build/faults/results.json
