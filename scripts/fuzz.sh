#!/usr/bin/env bash
# Looks for byte strings that break a law of the scheduler, with libFuzzer under AddressSanitizer and UndefinedBehaviorSanitizer.
# usage: fuzz.sh [--minutes N] [program|dag...]   (default: 2 minutes for each target, all targets)
# Begins with tests/fuzz/corpus and with what earlier runs have found (build/fuzz/corpus). A failure is printed with the command
# that replays it; the exit status says whether there was one.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
minutes=2
if [ "${1:-}" = --minutes ]; then
  minutes=${2:-}
  shift 2 || true
fi
[[ $minutes =~ ^[1-9][0-9]*$ ]] || fail "--minutes '$minutes'; need a whole number of minutes, at least 1"
all=()
for source in tests/fuzz/fuzz_*.cpp; do source=${source##*/fuzz_} && all+=("${source%.cpp}"); done
targets=("$@")
[ $# -gt 0 ] || targets=("${all[@]}")
for target in "${targets[@]}"; do
  [ -e "tests/fuzz/fuzz_$target.cpp" ] || fail "fuzz.sh: '$target' is none of ${all[*]}"
done

# A clang is of use only together with its libFuzzer, which is a package of its own.
has_fuzzer() {
  has "$1" && printf 'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }\n' |
    "$1" -x c++ -fsanitize=fuzzer,address,undefined - -o build/has-fuzzer >/dev/null 2>&1
}
mkdir -p build
for version in 16 19 17 18 15; do
  CXX=clang++-$version
  has_fuzzer "$CXX" && break
done
has_fuzzer "$CXX" || { apt_install clang-16 libclang-rt-16-dev && CXX=clang++-16 && has_fuzzer "$CXX"; } ||
  fail "no clang with libFuzzer; on Debian 12: apt-get install clang-16 libclang-rt-16-dev"
export CXX

say "building the fuzzers with $CXX"
if ! { cmake --preset fuzz && cmake --build build/fuzz -j "$JOBS"; } >build/fuzz.log 2>&1; then
  grep -E -A 12 'error:|Error|FAILED:' build/fuzz.log | head -n 60 >&2
  fail "the fuzzers did not build; the whole log is in build/fuzz.log"
fi

failed=0
for target in "${targets[@]}"; do
  say "fuzzing $target for $minutes minutes"
  found=build/fuzz/corpus/$target failures=build/fuzz/failures/$target
  mkdir -p "$found" "$failures"
  touch build/fuzz/started
  # A run that takes 10 s hangs: these worlds end within milliseconds.
  "build/fuzz/fuzz_$target" -max_total_time=$((60 * minutes)) -max_len=512 -timeout=10 -rss_limit_mb=2048 \
    "-artifact_prefix=$failures/" "$found" "tests/fuzz/corpus/$target" >"build/fuzz-$target.log" 2>&1 && {
    tail -n 1 "build/fuzz-$target.log"
    continue
  }
  failed=1
  grep -E 'what\(\):|ERROR: |runtime error:|SUMMARY: ' "build/fuzz-$target.log" | head -n 20
  complain "fuzz_$target failed; the whole output is in build/fuzz-$target.log; once it is mended, the bytes belong into
  tests/fuzz/corpus/$target. The same failure again:"
  find "$failures" -type f -newer build/fuzz/started -exec echo "  build/fuzz/fuzz_$target" {} \;
done
exit "$failed"
