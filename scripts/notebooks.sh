#!/usr/bin/env bash
# Runs each notebooks/*.py (jupytext) from start to end in a fresh kernel; what it gave is build/notebooks/*.ipynb.
# The first error stops it and names the cell.  usage: notebooks.sh [--if-changed] [NOTEBOOK...]
# With --if-changed it does nothing where neither a notebook nor the package has changed since all of them ran.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
stamp=build/notebooks/.sources
now=$(cat build/wheels/.sources scripts/notebooks.py notebooks/*.py | sha256sum)
if [ "${1:-}" = --if-changed ]; then
  if [ "$(cat "$stamp" 2>/dev/null)" = "$now" ]; then exit 0; fi
  shift
fi
rm -f "$stamp"
"$python" scripts/notebooks.py build/notebooks "$@"
[ $# -gt 0 ] || printf '%s\n' "$now" >"$stamp"
