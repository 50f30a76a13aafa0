#!/usr/bin/env bash
# Builds the wheel, unless the sources are those of the last build.
# usage: build-wheel.sh BUILD_FOLDER WHEEL_FOLDER [NAME=VALUE...], the last being CMake options
#
# The build folder is kept, so a small change costs a small build. That needs the build tools in .venv (an isolated build
# would put them in a new temporary folder each time, and CMake's cache would point to one that is gone).
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
build=$1
wheels=$2
shift 2

settings=("--config-settings=build-dir=$build")
for define in "$@"; do settings+=("--config-settings=cmake.define.$define"); done

# By content, not by time: a fresh checkout or a changed branch counts only if something in it differs.
sources=$({
  echo "$("$python" -V) ${CXX:-} $*"
  find CMakeLists.txt pyproject.toml README.md LICENSE cpp python -type f \
    -not -path '*/__pycache__/*' -not -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
} | sha256sum)
if [ "$(cat "$wheels/.sources" 2>/dev/null)" = "$sources" ]; then exit 0; fi

headers=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
if [ ! -e "$headers/Python.h" ]; then
  version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
  include=$root/build/debian/usr/include
  if [ ! -e "$include/$version/Python.h" ] && ! apt_install "lib$version-dev"; then
    say "the headers of $version are missing: fetching them"
    apt_unpack "lib$version-dev" ||
      fail "Python's headers are missing ($headers/Python.h); on Debian or Ubuntu: apt-get install lib$version-dev"
  fi
  if [ -e "$include/$version/Python.h" ]; then
    export CPLUS_INCLUDE_PATH=$include/$version:$include${CPLUS_INCLUDE_PATH:+:$CPLUS_INCLUDE_PATH}
    settings+=("--config-settings=cmake.define.Python_INCLUDE_DIR=$include/$version")
  fi
fi

say "building the wheel in $build"
rm -rf "$wheels"
mkdir -p "$wheels" "$(dirname "$build")"
log=$build.log
if ! "$python" -m pip wheel --quiet --no-deps --no-build-isolation -w "$wheels" "${settings[@]}" . >"$log" 2>&1; then
  grep -E 'error|Error|FAILED' "$log" | head -n 30 >&2 || true
  tail -n 40 "$log" >&2
  fail "the wheel did not build; the whole log is in $log"
fi
printf '%s\n' "$sources" >"$wheels/.sources"
