// The explorer: runs, one after the other, until one fails or there is none left; then which schedule to print.
#include "rt/drive/explore.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "minimise.hpp"
#include "run.hpp"

namespace rt {
namespace {

class Explorer {
 public:
  Explorer(const ExploreOptions& options, const ModelSetup& setup) : options_(options), run_(options, setup) {}

  Exploration explore_all() {
    const std::unique_ptr<Chooser> chooser = make_chooser();
    bool more = true;
    while (more && result_.schedules < options_.max_schedules) {
      count(run_.play(*chooser, false));
      if (result_.failed()) {
        describe(run_.play(*chooser, true));
        break;
      }
      more = chooser->next();
    }
    result_.complete = !result_.failed() && !more;
    return finish();
  }

  Exploration replay_one(const std::string& schedule) {
    Line line(schedule);
    count(run_.play(line, true));
    result_.schedule = schedule;
    return finish();
  }

 private:
  [[nodiscard]] std::unique_ptr<Chooser> make_chooser() const {
    switch (options_.search) {
      case Search::walk: return std::make_unique<Walk>(options_.seed);
      case Search::pct: return std::make_unique<Pct>(options_.seed, options_.depth);
      case Search::depth_first: break;
    }
    return std::make_unique<DepthFirst>(options_.preemptions);
  }

  void count(const ModelRun::Record& record) {
    ++result_.schedules;
    result_.depth = std::max(result_.depth, record.questions);
    result_.failure = record.failure;
  }

  void describe(const ModelRun::Record& recorded) {
    if (recorded.failure != result_.failure) {
      result_.failure += "  (and not again: the program is no function of its schedule)";
      return;
    }
    const ModelRun::Record best = options_.minimise ? minimised(recorded, run_) : recorded;
    result_.schedule = best.line;
    result_.preemptions = best.preemptions;
  }

  Exploration finish() {
    result_.ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_).count();
    if (result_.failed() && options_.print) {
      std::fprintf(stderr, "replay with schedule=%s  (%s; schedule %llu, pre-emptions: %u)\n", result_.schedule.c_str(),
                   result_.failure.c_str(), static_cast<unsigned long long>(result_.schedules), result_.preemptions);
    }
    return result_;
  }

  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  const ExploreOptions options_;
  ModelRun run_;
  Exploration result_;
};

}  // namespace

Exploration explore(const ExploreOptions& options, const ModelSetup& setup) { return Explorer(options, setup).explore_all(); }

Exploration replay(const std::string& schedule, const ExploreOptions& options, const ModelSetup& setup) {
  return Explorer(options, setup).replay_one(schedule);
}

void model_fail(const char* what, const char* file, int line) {
  const std::string place = std::string(file) + ":" + std::to_string(line) + ": " + what;
  if (ModelHost::current != nullptr) ModelHost::current->fail(place);
  std::fprintf(stderr, "%s\n", place.c_str());
  std::abort();
}

}  // namespace rt

#if defined(__GLIBC__) && !defined(NDEBUG)
// An assert that fails within a run is a finding with a schedule, not the end of the process.
// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" void __assert_fail(const char* expression, const char* file, unsigned int line, const char*) noexcept {
  rt::model_fail(expression, file, static_cast<int>(line));
  std::abort();
}
#endif
