#!/usr/bin/env bash
# The build with every optional feature off: its C++ tests, then the Python tests against its own wheel.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
status=0
scripts/cpp-tests.sh minimal unit model || status=1
scripts/build-wheel.sh build/wheel-minimal build/wheels-minimal UNSTABLE_METRICS=OFF TASKDUMP=OFF TIMELINE=OFF
site=build/minimal-site
rm -rf "$site"
"$python" -m pip install --quiet --no-deps --target "$site" build/wheels-minimal/*.whl
SITE=$site scripts/python-tests.sh tests/python || status=1
exit "$status"
