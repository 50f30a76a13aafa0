#include "rt/core/options.hpp"

#include <stdexcept>
#include <string>

namespace rt {

const SchedulerOptions& checked(const SchedulerOptions& options) {
  const auto need = [](bool holds, const std::string& what) {
    if (!holds) throw std::invalid_argument(what);
  };
  need(options.workers >= 1 && options.workers <= tuning::max_workers, "workers=" + std::to_string(options.workers) +
                                                                           "; need 1.." + std::to_string(tuning::max_workers) +
                                                                           "; leave it out for one per CPU");
  need(options.event_interval >= 1, "event_interval=0; need at least 1 (default 61)");
  need(options.max_lifo_polls >= 1, "lifo_polls=0; need at least 1; set lifo_slot to false for none");
  need(options.coop_budget >= 1, "coop_budget=0; need at least 1 (default 128)");
  return options;
}

}  // namespace rt
