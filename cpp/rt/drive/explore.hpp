// Does a small concurrent program hold in every order its threads can take?
//
// Depth-first search over schedules: the program runs again and again from its start, and each run answers one open decision
// otherwise than the one before: which thread goes on, which of several values a load returns, whether a wait times out.
// Invariant: a run is a function of its schedule, so a failure is replayed by its line. Threads of the model are fibres; a switch away
// from a thread that could go on counts as a pre-emption, and few of them find most bugs (Musuvathi and Qadeer, "Iterative
// context bounding", 2007). For tests only: the implementation is tests/cpp/model/explore.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "rt/env/model_env.hpp"

namespace rt {

/// What one run consists of; filled anew for each schedule.
class Model {
 public:
  /// A thread of the model; at most 5.
  void thread(std::function<void()> body) { threads_.push_back(std::move(body)); }
  /// Runs when all threads have ended, and sees all they did.
  void after(std::function<void()> check) { after_.push_back(std::move(check)); }

 private:
  friend class Explorer;
  std::vector<std::function<void()>> threads_;
  std::vector<std::function<void()>> after_;
};

struct ExploreOptions {
  std::uint32_t preemptions = 2;            // switches away from a thread that could go on
  std::uint64_t max_schedules = 2'000'000;  // then the search stops, incomplete
  bool weak_memory = true;                  // false: every load returns the newest value, every store is the newest
  std::uint32_t max_steps = 5'000;          // in one run; more is reported as "no progress"
  bool print = true;                        // the replay line, on standard error
};

struct Exploration {
  std::uint64_t schedules = 0;
  bool complete = false;    // every schedule within the bound was run
  std::string failure;      // empty: none
  std::string schedule;     // replays the failure
  std::uint32_t depth = 0;  // most decisions in one run
  double ms = 0;

  [[nodiscard]] bool failed() const { return !failure.empty(); }
};

using ModelSetup = std::function<void(Model&)>;

/// Stops at the first failure: a check, a data race, a deadlock, no progress, an exception.
Exploration explore(const ExploreOptions& options, const ModelSetup& setup);

/// Runs one schedule, as printed by a failed explore() with the same options.
Exploration replay(const std::string& schedule, const ExploreOptions& options, const ModelSetup& setup);

/// Within a run: ends it as failed. Outside of one: ends the process.
void model_fail(const char* what, const char* file, int line);

}  // namespace rt

/// An expectation inside a model. The run stops there, because its threads cannot be unwound through noexcept functions.
#define MODEL_CHECK(condition) ((condition) ? void() : ::rt::model_fail(#condition, __FILE__, __LINE__))
