#!/usr/bin/env bash
# Runs pytest against the installed package.  usage: python-tests.sh [pytest arguments]
# REPORTS=folder writes a JUnit file there. SITE=folder tests the package in that folder instead of the one in .venv.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
report=()
[ -z "${REPORTS:-}" ] || report=("--junitxml=$REPORTS/python.xml")
[ -z "${SITE:-}" ] || export PYTHONPATH=$root/$SITE

say "python tests"
status=0
# From outside: a thread that is stuck with the interpreter's lock stops every timer inside.
timeout -k 10 "${PYTEST_LIMIT:-1500}" "$python" -m pytest -q "${report[@]}" "$@" || status=$?
[ "$status" -ne 124 ] || complain "pytest did not end in time"
exit "$status"
