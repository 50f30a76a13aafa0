#!/usr/bin/env bash
# Examines the formal models of tests/formal and checks event logs of real and simulated runs against them.
# usage: formal.sh [pytest arguments]   REPORTS=folder writes a JUnit file there; SITE=folder tests the package in that folder.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

has spin || apt_install spin || fail "spin is missing; on Debian or Ubuntu: apt-get install spin"
has gcc || fail "gcc is missing (spin writes C); on Debian or Ubuntu: apt-get install gcc"
[ -x "$python" ] || bash scripts/setup.sh dev
report=()
[ -z "${REPORTS:-}" ] || report=("--junitxml=$REPORTS/formal.xml")
[ -z "${SITE:-}" ] || export PYTHONPATH=$root/$SITE

say "formal models"
timeout -k 10 1200 "$python" -m pytest -q -o timeout=600 -o pythonpath="tests tests/formal" "${report[@]}" tests/formal "$@"
