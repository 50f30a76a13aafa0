#!/usr/bin/env bash
# The Python tests on a free-threaded CPython 3.13, where Python tasks run in parallel.  usage: free-threaded.sh [pytest arguments]
#
# The interpreter is built from the source package of Debian trixie, once (build/free-threaded; some minutes). The package's place is derived
# from this machine's own package sources. PYTHON=path takes an interpreter that is there already.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
home=$root/build/free-threaded
mkdir -p "$home"

# The first Debian archive that this machine takes packages from.
archive() {
  { cat /etc/apt/sources.list 2>/dev/null && find /etc/apt/sources.list.d -name '*.list' -exec cat {} +; } |
    sed -nE 's/^deb (\[[^]]*\] )?([^ ]*\/debian\/?) .*/\2/p'
  find /etc/apt/sources.list.d -name '*.sources' -exec sed -nE 's/^URIs: *([^ ]*\/debian\/?)$/\1/p' {} +
}

fetch_source() {
  local from
  from=$(archive | head -n 1)
  [ -n "$from" ] || fail "no Debian archive among this machine's package sources; set PYTHON to a free-threaded interpreter"
  mkdir -p "$home/apt/lists/partial" "$home/source"
  printf 'deb-src [signed-by=%s] %s trixie main\n' /usr/share/keyrings/debian-archive-keyring.gpg "$from" >"$home/apt/sources.list"
  local options=(-qq -o "Dir::Etc::SourceList=$home/apt/sources.list" -o Dir::Etc::SourceParts=- -o "Dir::State::Lists=$home/apt/lists" -o "APT::Sandbox::User=")
  apt-get "${options[@]}" update
  (cd "$home/source" && apt-get "${options[@]}" source --download-only python3.13)
  tar -xf "$home"/source/python3.13_*.orig.tar.xz -C "$home/source" --strip-components=1
}

interpreter=${PYTHON:-$home/python/bin/python3.13}
if [ ! -x "$interpreter" ]; then
  has apt-get || fail "building the interpreter needs apt-get; set PYTHON to a free-threaded interpreter"
  apt_install libssl-dev zlib1g-dev libffi-dev libsqlite3-dev libbz2-dev liblzma-dev || complain "could not install the headers that CPython wants"
  say "fetching the sources of CPython"
  [ -x "$home/source/configure" ] || fetch_source
  say "building CPython without the GIL"
  (cd "$home/source" && ./configure --quiet --disable-gil --prefix="$home/python" && make -s -j"$JOBS" && make -s install) >"$home/python.log" 2>&1 ||
    fail "CPython did not build; the log is in $home/python.log"
fi
"$interpreter" -c 'import sys; sys.exit(sys._is_gil_enabled())' || fail "$interpreter has a GIL; set PYTHON to a free-threaded interpreter"

python=$home/venv/bin/python
[ -x "$python" ] || "$interpreter" -m venv "$home/venv"
export PATH=$home/venv/bin:$PATH
# The newest Hypothesis has parts that do not build without the GIL. Wheels only: NumPy from source takes an hour.
"$python" -m pip install --quiet "scikit-build-core>=1.1" "pybind11>=3.0" "hypothesis==6.140.0" pytest pytest-timeout pytest-rerunfailures
"$python" -m pip install --quiet --only-binary :all: anyio matplotlib networkx numpy pandas pyarrow rich scipy tqdm trio
say "building the package"
"$python" -m pip install --quiet --no-deps --no-build-isolation --force-reinstall "--config-settings=build-dir=build/wheel-free-threaded" . >"$home/wheel.log" 2>&1 ||
  fail "the package did not build; the log is in $home/wheel.log"
"$python" -X gil=0 -c 'import stealscope, sys; sys.exit(sys._is_gil_enabled())' || fail "importing stealscope switched the GIL on"

report=()
[ -z "${REPORTS:-}" ] || report=("--junitxml=$REPORTS/free-threaded.xml")
say "python tests without the GIL"
[ $# -gt 0 ] || set -- tests/python/unit tests/python/property tests/python/parity
PYTHON_GIL=0 timeout -k 10 "${PYTEST_LIMIT:-1500}" "$python" -m pytest -q "${report[@]}" "$@"
