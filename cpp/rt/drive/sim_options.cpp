#include "rt/drive/sim_options.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace rt {
namespace {

constexpr double slowest = 0.001;
constexpr double fastest = 1000;

void need(bool holds, const std::string& what) {
  if (!holds) throw std::invalid_argument(what);
}

std::string number(auto value) { return std::to_string(value); }

void need_time(const std::string& what, Nanos time) {
  need(time <= Pace::most_time, what + "=" + number(time) + " ns; need at most 2^62 ns, which is 146 years");
}

void check_costs(const CostTable& costs) {
  for (const CostLaw& law : costs) {
    need_time("a cost", law.constant);
    need(std::ranges::is_sorted(law.quantiles), "the quantiles of a cost must ascend; sort them");
    if (!law.quantiles.empty()) need_time("a quantile of a cost", law.quantiles.back());
  }
}

void check_workers_values(const SimOptions& options) {
  const std::size_t workers = options.scheduler.workers;
  need(options.topology.empty() || options.topology.size() == workers * workers,
       "topology has " + number(options.topology.size()) + " values; need " + number(workers) + " x " + number(workers) +
           ", a row for each thief; leave it out if all workers are equally near");
  for (const Nanos latency : options.topology) need_time("a latency of the topology", latency);
  need(options.scheduler.policy.victims != VictimOrder::nearest || !options.topology.empty(),
       "victims=\"nearest\" needs a topology; give Simulation(topology=...)");
  need(options.speeds.empty() || options.speeds.size() == workers,
       "speeds has " + number(options.speeds.size()) + " values; need one for each of the " + number(workers) + " workers");
  for (const double speed : options.speeds) {
    need(speed >= slowest && speed <= fastest, "speed " + number(speed) + "; need 0.001 to 1000 (1 is nominal)");
  }
}

void check_fault(const Fault& fault, std::uint32_t workers) {
  need(fault.worker < workers, "a fault of worker " + number(fault.worker) + "; need 0 to " + number(workers - 1));
  need_time("at", fault.at);
  need_time("the length of a fault", fault.length);
  if (fault.kind != Fault::Kind::slow) return;
  need(fault.factor >= slowest && fault.factor <= fastest,
       "factor=" + number(fault.factor) + "; need 0.001 to 1000 (2: takes twice as long)");
}

}  // namespace

void check_sim_options(const SimOptions& options) {
  static_cast<void>(checked(options.scheduler, true));
  check_costs(options.costs);
  check_workers_values(options);
  for (const Fault& fault : options.faults) check_fault(fault, options.scheduler.workers);
  need(options.max_blocking_threads >= 1, "max_blocking_threads=0; need at least 1 (default 512)");
}

}  // namespace rt
