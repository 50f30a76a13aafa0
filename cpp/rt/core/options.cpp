#include "rt/core/options.hpp"

#include <stdexcept>
#include <string>

namespace rt {

const SchedulerOptions& checked(const SchedulerOptions& options, bool simulated) {
  const auto need = [](bool holds, const std::string& what) {
    if (!holds) throw std::invalid_argument(what);
  };
  need(options.workers >= 1 && options.workers <= tuning::max_workers, "workers=" + std::to_string(options.workers) +
                                                                           "; need 1.." + std::to_string(tuning::max_workers) +
                                                                           "; leave it out for one per CPU");
  check_policy(options.policy, simulated);
  return options;
}

}  // namespace rt
