#!/usr/bin/env bash
# Is what would be released whole? The sdist, a wheel from it in an isolated build, and that wheel installed with no extras.
# usage: check-wheel.sh [PYTHON]   (default: the one that setup.sh would take; the wheel is for that interpreter)
#
# Everything is in build/check-wheel; the tools are installed there too. What is looked for in each is in check_wheel.py. The last line is
# the wheel's path. A tool that cannot be had is a failure: a release needs it.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
wanted=${1:-$(scripts/prerequisites.sh)}
interpreter=$(command -v "$wanted") || fail "check-wheel.sh: there is no interpreter '$wanted'"
tag=$("$interpreter" -c 'from sysconfig import get_config_var as v; print("py%s%s" % (v("py_version_nodot"), v("abiflags") or ""))')
here=$root/build/check-wheel/$tag
rm -rf "$here"
mkdir -p "$here"
unset PYTHONPATH

say "installing the tools of a release"
"$interpreter" -m venv "$here/tools"
tools=$here/tools/bin
"$tools/python" -m pip install --quiet auditwheel build twine

say "building the sdist, and a wheel from it"
"$tools/python" -m build --sdist --outdir "$here/dist" . >"$here/sdist.log" 2>&1 || { tail -n 40 "$here/sdist.log" >&2 && fail "the sdist did not build"; }
sdist=$(ls "$here"/dist/*.tar.gz)
# pip unpacks the sdist elsewhere, so what it lacks cannot come from here; and it builds with what build-system.requires names.
"$tools/python" -m pip wheel --no-deps --no-cache-dir -w "$here/dist" "$sdist" >"$here/wheel.log" 2>&1 ||
  { tail -n 40 "$here/wheel.log" >&2 && fail "the wheel did not build; the whole log is in $here/wheel.log"; }
wheel=$(ls "$here"/dist/*.whl)

say "what is in them"
"$tools/twine" check --strict "$sdist" "$wheel"
"$tools/python" scripts/check_wheel.py files "$sdist" "$wheel"
"$tools/auditwheel" show "$wheel"

say "installing it with no extras"
"$interpreter" -m venv "$here/venv"
"$here/venv/bin/python" -m pip install --quiet "$wheel"
# From a folder where no `stealscope` lies beside.
cd "$here"
venv/bin/python "$root/scripts/check_wheel.py" installed
venv/bin/stealscope tour --scale 1e-4 >tour.txt || fail "the tour failed; what it printed is in $here/tour.txt"

say "the stubs of the extension module against the module"
venv/bin/python -m pip install --quiet mypy
venv/bin/python -m mypy.stubtest stealscope._core --concise --allowlist "$root/scripts/stubtest-allowed.txt"
say "$wheel"
