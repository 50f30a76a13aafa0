#!/usr/bin/env bash
# Runs each notebooks/*.py (jupytext) from start to end in a fresh kernel; the first error stops it with the cell's trace.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
shopt -s nullglob
notebooks=(notebooks/*.py)
[ "${#notebooks[@]}" -gt 0 ] || fail "notebooks/ has no notebook (*.py) in this version"
wheel=$(ls build/wheels/*.whl)
"$python" -m pip install --quiet "$wheel[notebook,plot,frame]"
mkdir -p build/notebooks
for notebook in "${notebooks[@]}"; do
  say "$notebook"
  "$python" -m jupytext --to ipynb --execute --output "build/notebooks/$(basename "${notebook%.py}").ipynb" "$notebook"
done
