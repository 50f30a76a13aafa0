// Does a small concurrent program hold in every order its threads can take?
//
// The program runs again and again from its start, and each run answers the open decisions otherwise: which thread goes on, which of
// several values a load returns, whether a wait times out. Depth first answers them in every way there is; a walk or PCT draws them.
// Invariant: a run is a function of its schedule, so a failure is replayed by its line, whoever found it. Threads of the model are
// fibres; a switch away from a thread that could go on counts as a pre-emption, and few of them find most bugs (Musuvathi and Qadeer,
// "Iterative context bounding", 2007). For tests only. Read next: tests/cpp/model/run.hpp (one run), chooser.hpp (who answers).
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
  friend class ModelRun;
  std::vector<std::function<void()>> threads_;
  std::vector<std::function<void()>> after_;
};

enum class Search : std::uint8_t {
  /// Every schedule with at most `preemptions`: it ends, or says that it did not.
  depth_first,
  /// At each step any thread, with equal odds: it finds what many short alternations bring.
  walk,
  /// Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi and Nagarakatte, ASPLOS 2010): threads have random priorities,
  /// the best one runs, and at depth - 1 random steps the running one falls behind all others. A fault of depth d, one that shows whenever d
  /// given pairs of operations come in a given order, is found by one run with a probability of at least 1 / (n k^(d - 1)), with n
  /// threads and k steps (the most seen so far). That is about order only: where a fault needs old values, it is multiplied by the
  /// probability that they are drawn.
  pct,
};

struct ExploreOptions {
  std::uint32_t preemptions = 2;            // switches away from a thread that could go on; depth first only
  std::uint64_t max_schedules = 2'000'000;  // then the search stops, incomplete; a walk and PCT run as many
  bool weak_memory = true;                  // false: every load returns the newest value, every store is the newest
  std::uint32_t max_steps = 5'000;          // in one run; more is reported as "no progress"
  bool print = true;                        // the replay line, on standard error
  Search search = Search::depth_first;
  std::uint64_t seed = 1;   // of a walk and PCT
  std::uint32_t depth = 3;  // of PCT
  bool minimise = true;     // the failing schedule: as few pre-emptions as were found to do, and as few other deviations
};

struct Exploration {
  std::uint64_t schedules = 0;
  bool complete = false;          // every schedule within the bound was run
  std::string failure;            // empty: none
  std::string schedule;           // replays the failure
  std::uint32_t preemptions = 0;  // in that schedule
  std::uint32_t depth = 0;        // most decisions in one run
  double ms = 0;

  [[nodiscard]] bool failed() const { return !failure.empty(); }
};

using ModelSetup = std::function<void(Model&)>;

/// Stops at the first failure: a check, a data race, a deadlock, no progress, an exception.
Exploration explore(const ExploreOptions& options, const ModelSetup& setup);

/// Runs one schedule, as printed by a failed explore() with the same weak_memory and max_steps, by whichever search.
Exploration replay(const std::string& schedule, const ExploreOptions& options, const ModelSetup& setup);

/// Within a run: ends it as failed. Outside of one: ends the process.
void model_fail(const char* what, const char* file, int line);

}  // namespace rt

/// An expectation inside a model. The run stops there, because its threads cannot be unwound through noexcept functions.
#define MODEL_CHECK(condition) ((condition) ? void() : ::rt::model_fail(#condition, __FILE__, __LINE__))
