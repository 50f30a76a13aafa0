// The dump of a build without dumps: same shape, no work, no memory. See taskdump.hpp.
#pragma once

#include "rt/observe/taskdump_types.hpp"
#include "rt/observe/worker_metrics.hpp"

namespace rt {

class MockTraceBook {
 public:
  MockTraceBook(Nanos, const void*) {}
  void add_worker(std::uint32_t, const WorkerMetrics&, bool, bool) {}
  void add_queued(Header&, TracePlace) {}
  void add_from_registry(Header&) {}
  void set_complete(bool) {}
  void set_out_of_memory() noexcept {}
  [[nodiscard]] Header* take_woken() noexcept { return nullptr; }
  [[nodiscard]] DumpResult to_result() const { return {}; }
};

}  // namespace rt
