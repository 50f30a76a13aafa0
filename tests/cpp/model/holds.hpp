// What a model test says: this world holds under every schedule; this fault is found.
// MODEL_PREEMPTIONS=3 in the environment is the long run. What each world came to stands in the JUnit file: scripts/model.sh.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "rt/drive/explore.hpp"

namespace rt {

inline std::uint32_t preemption_bound() {
  const char* const asked = std::getenv("MODEL_PREEMPTIONS");
  return asked == nullptr ? 2 : static_cast<std::uint32_t>(std::strtoul(asked, nullptr, 10));
}

/// A sanitizer sees one thread only and adds nothing to the explorer's own checks but that of memory: there, a sample has to do.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
inline constexpr std::uint64_t sample = 1'000;  // milliseconds each
#else
inline constexpr std::uint64_t sample = 0;
#endif

inline void print_row(const char* name, const char* bound, const Exploration& result) {
  std::printf("  %-44s %5s %9llu%s %6u %9.0f ms\n", name, bound, static_cast<unsigned long long>(result.schedules),
              result.complete ? " " : "+", result.depth, result.ms);
}

/// A property of the running test, for scripts/model_table.py: name, bound, schedules, depth, milliseconds, all of them or a sample.
inline void record(const char* name, std::uint32_t bound, const Exploration& result) {
  static int worlds = 0;
  const std::string row = std::string(name) + "|" + std::to_string(bound) + "|" + std::to_string(result.schedules) + "|" +
                          std::to_string(result.depth) + "|" + std::to_string(std::llround(result.ms)) + "|" +
                          (result.complete ? "complete" : "sample");
  testing::Test::RecordProperty("world_" + std::to_string(++worlds), row);
}

/// Under every schedule within the bound, and under some beyond it. A row says how many there were; +: that is not all.
inline void expect_holds(const char* name, const ModelSetup& world) {
  const std::uint32_t bound = preemption_bound();
  const std::uint64_t most = sample != 0 ? sample : bound > 2 ? 20'000'000U : 2'000'000U;
  const Exploration result = explore({.preemptions = bound, .max_schedules = most}, world);
  EXPECT_FALSE(result.failed()) << result.failure;
  EXPECT_TRUE(result.complete || bound > 2 || sample != 0) << "stopped after " << result.schedules << " schedules";
  print_row(name, std::to_string(bound).c_str(), result);
  record(name, bound, result);
  for (const Search search : {Search::walk, Search::pct}) {
    const Exploration beyond = explore({.max_schedules = bound > 2 ? 20'000U : 200U, .search = search}, world);
    EXPECT_FALSE(beyond.failed()) << beyond.failure;
    if (bound > 2) print_row(name, search == Search::walk ? "walk" : "pct", beyond);
  }
}

/// True if the fault is found; `how` is a part of the message that it must give.
inline bool is_found(const ModelSetup& world, const std::string& how = "") {
  const Exploration result = explore({.print = false, .minimise = false}, world);
  if (result.failed()) {
    std::printf("  found after %llu schedules: %s\n", static_cast<unsigned long long>(result.schedules), result.failure.c_str());
  }
  return result.failed() && result.failure.find(how) != std::string::npos;
}

}  // namespace rt
