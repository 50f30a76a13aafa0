#!/usr/bin/env bash
# Runs pytest against the installed package.  usage: python-tests.sh [pytest arguments]
# REPORTS=folder writes a JUnit file there. SITE=folder tests the package in that folder instead of the one in .venv.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
report=()
[ -z "${REPORTS:-}" ] || report=("--junitxml=$REPORTS/python.xml")
[ -z "${SITE:-}" ] || export PYTHONPATH=$root/$SITE

# A shared machine may stop for seconds, and tests on real threads have limits. In CI a test that fails is run once more,
# by itself; -rR names it in the log, and a second failure counts.
again=()
[ "${CI:-}" != true ] || again=(--reruns 1 --reruns-delay 1 -rR)

# A Python may come without the standard library's tests of executors, which ours is put through; Debian has them as a package.
version=$("$python" -c 'import sys; print("{}.{}".format(*sys.version_info))')
"$python" -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("test.test_concurrent_futures") is None)' 2>/dev/null ||
  [ -e "build/debian/usr/lib/python$version/test" ] || apt_unpack "libpython$version-testsuite" || true

say "python tests"
status=0
# From outside: a thread that is stuck with the interpreter's lock stops every timer inside.
timeout -k 10 "${PYTEST_LIMIT:-1500}" "$python" -m pytest -q "${report[@]}" "${again[@]}" "$@" || status=$?
[ "$status" -ne 124 ] || complain "pytest did not end in time"
exit "$status"
