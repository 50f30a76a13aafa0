#include "minimise.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace rt {
namespace {

// Each failing run keeps its stacks for ever (Fibre::abandon), so there is an end to trying.
constexpr std::uint32_t most_failing_runs = 400;
// A whole search at a smaller bound: more is too many schedules to wait for.
constexpr std::uint32_t most_preemptions = 3;
constexpr std::uint32_t most_schedules = 20'000;

bool is_simpler(const ModelRun::Record& a, const ModelRun::Record& b) {
  const auto rank = [](const ModelRun::Record& r) {
    return std::tuple(r.preemptions, r.deviations.size(), r.line.size(), r.line);
  };
  return rank(a) < rank(b);
}

class Minimiser {
 public:
  Minimiser(ModelRun::Record found, ModelRun& run) : best_(std::move(found)), run_(run) {}

  ModelRun::Record run() {
    drop_deviations();
    while (best_.preemptions > 0 && find_with_fewer_preemptions()) drop_deviations();
    return std::move(best_);
  }

 private:
  /// Without ever smaller parts, until not one of them can be missed.
  void drop_deviations() {
    for (std::size_t part = std::max<std::size_t>(best_.deviations.size() / 2, 1); part > 0;) {
      if (!drop_some_part(part)) part /= 2;
    }
  }
  bool drop_some_part(std::size_t part) {
    for (std::size_t from = 0; from < best_.deviations.size() && failing_runs_ < most_failing_runs; from += part) {
      std::vector<Deviation> rest = best_.deviations;
      rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(from),
                 rest.begin() + static_cast<std::ptrdiff_t>(std::min(from + part, rest.size())));
      Deviating chooser(std::move(rest));
      if (keep_if_simpler(run_.play(chooser, true))) return true;
    }
    return false;
  }

  /// Where few pre-emptions do, the whole search at a smaller bound is short.
  bool find_with_fewer_preemptions() {
    const std::uint32_t end = std::min(best_.preemptions, most_preemptions + 1);
    for (std::uint32_t bound = 0; bound < end; ++bound) {
      DepthFirst chooser(bound);
      for (std::uint32_t i = 0; i < most_schedules && failing_runs_ < most_failing_runs; ++i) {
        if (run_.play(chooser, false).failure == best_.failure && keep_if_simpler(run_.play(chooser, true))) return true;
        if (!chooser.next()) break;
      }
    }
    return false;
  }

  bool keep_if_simpler(const ModelRun::Record& other) {
    if (!other.failure.empty()) ++failing_runs_;
    if (other.failure != best_.failure || !is_simpler(other, best_)) return false;
    best_ = other;
    return true;
  }

  ModelRun::Record best_;
  ModelRun& run_;
  std::uint32_t failing_runs_ = 0;
};

}  // namespace

ModelRun::Record minimised(ModelRun::Record found, ModelRun& run) { return Minimiser(std::move(found), run).run(); }

}  // namespace rt
