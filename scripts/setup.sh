#!/usr/bin/env bash
# Makes .venv hold the package built from the present sources.  usage: setup.sh [dev|notebook|docs...]
# With names also what these extras of pyproject.toml need: dev is the tests and linters. Does nothing that is done already.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

found=$(scripts/prerequisites.sh)
if ! "$python" -c '' 2>/dev/null; then
  say "creating .venv with $found"
  rm -rf .venv
  PATH=${PATH#"$root/.venv/bin:"} "$found" -m venv .venv
fi

tools=(scikit-build-core pybind11)
newer_than 3.21 "$(cmake --version 2>/dev/null | awk 'NR == 1 {print $3}')" || tools+=(cmake)
has ninja || tools+=(ninja)
if [ ! -e .venv/.tools ] || [ "${#tools[@]}" -gt 2 ]; then
  say "installing the build tools: ${tools[*]}"
  "$python" -m pip install --quiet "scikit-build-core>=1.1" "pybind11>=3.0" "${tools[@]:2}"
  touch .venv/.tools
fi

scripts/build-wheel.sh build/wheel build/wheels
wheel=$(ls build/wheels/*.whl)
if ! cmp -s build/wheels/.sources .venv/.sources; then
  say "installing ${wheel##*/}"
  "$python" -m pip install --quiet --force-reinstall --no-deps "$wheel"
  "$python" -m pip install --quiet "$wheel"
  cp build/wheels/.sources .venv/.sources
fi
for extra in "$@"; do
  if ! cmp -s pyproject.toml ".venv/.$extra"; then
    say "installing what $extra needs"
    "$python" -m pip install --quiet "$wheel[$extra]"
    cp pyproject.toml ".venv/.$extra"
  fi
done
