#include "rt/runtime.hpp"

#include <stdexcept>
#include <string>

#include "rt/env/os_thread.hpp"

namespace rt {
namespace {

SchedulerOptions with_workers(const RuntimeOptions& options) {
  SchedulerOptions scheduler = options.scheduler;
  scheduler.workers = options.workers != 0 ? options.workers : static_cast<std::uint32_t>(usable_cpus().size());
  return scheduler;
}

}  // namespace

Runtime::Runtime(RuntimeOptions options) : drive_(ThreadDrive::start(with_workers(options), std::move(options.threads))) {}

Runtime::~Runtime() { shutdown(true); }

const WorkerMetrics& Runtime::worker_metrics(std::uint32_t worker) const {
  if (worker < workers()) return drive_->shared().remotes[worker]->metrics;
  throw std::out_of_range("worker " + std::to_string(worker) + " is out of range; need 0.." + std::to_string(workers() - 1));
}

bool Runtime::shutdown(bool cancel, Nanos deadline) {
  if (!cancel && !drive_->wait_drained(deadline)) return false;
  drive_->close();
  return drive_->wait_ended(deadline);
}

}  // namespace rt
