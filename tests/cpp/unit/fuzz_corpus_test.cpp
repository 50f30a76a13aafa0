// The fuzzers' targets without a fuzzer: over the corpus, and over byte strings from a fixed seed.
//
// A failure prints the bytes: written to a file, they are an argument of the fuzzer's program (tests/README.md).
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "fuzz/dag_input.hpp"
#include "fuzz/program_input.hpp"
#include "rt/env/xorshift.hpp"

namespace rt {
namespace {

using Data = std::vector<std::uint8_t>;
using Target = bool (*)(std::span<const std::uint8_t>);

std::string hex(const Data& data) {
  std::string text;
  for (const std::uint8_t byte : data) {
    for (const int nibble : {byte >> 4, byte & 15}) text += "0123456789abcdef"[nibble];
  }
  return text;
}

/// True if the bytes were run, false if they were refused.
bool holds(Target target, const Data& data) {
  try {
    return target(data);
  } catch (const std::exception& error) {
    ADD_FAILURE() << error.what() << "; replay with bytes " << hex(data);
    return true;
  }
}

void check_corpus(Target target, const std::string& name) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(FUZZ_CORPUS) / name)) {
    SCOPED_TRACE(entry.path().filename().string());
    std::ifstream file(entry.path(), std::ios::binary);
    const Data data{std::istreambuf_iterator<char>(file), {}};
    const bool is_refused = entry.path().stem().string().starts_with("refused");
    EXPECT_EQ(holds(target, data), !is_refused);
    ++files;
  }
  EXPECT_GE(files, 4U);
}

/// `clear` of the first byte are cleared: which ways of reading the bytes to leave out.
void check_random(Target target, std::size_t strings, std::uint64_t seed, std::uint8_t clear, std::size_t least_run) {
  SplitMix random(seed);
  std::size_t run = 0;
  for (std::size_t i = 0; i < strings; ++i) {
    Data data(1 + random.next() % 160);
    for (std::uint8_t& byte : data) byte = static_cast<std::uint8_t>(random.next() >> 56U);
    data[0] &= static_cast<std::uint8_t>(~clear);
    run += holds(target, data) ? 1 : 0;
  }
  EXPECT_GE(run, least_run) << "of " << strings;
}

TEST(FuzzCorpus, programs_end_as_they_say_and_the_same_way_twice) { check_corpus(fuzz::try_program, "program"); }
TEST(FuzzCorpus, graphs_are_refused_or_run_every_node_once) { check_corpus(fuzz::try_dag, "dag"); }

TEST(FuzzRandom, programs_end_as_they_say_and_the_same_way_twice) { check_random(fuzz::try_program, 1'000, 1, 4, 500); }
TEST(FuzzRandom, rows_of_any_numbers_are_refused_or_run) { check_random(fuzz::try_program, 500, 2, 0, 100); }
TEST(FuzzRandom, graphs_are_refused_or_run_every_node_once) { check_random(fuzz::try_dag, 1'000, 3, 2, 1'000); }
TEST(FuzzRandom, arrays_of_any_numbers_are_refused_or_run) { check_random(fuzz::try_dag, 1'000, 4, 0, 300); }

}  // namespace
}  // namespace rt
