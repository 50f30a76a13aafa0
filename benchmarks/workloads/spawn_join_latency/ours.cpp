// How long does a thread outside wait for the result of one task on idle workers?
// Read next: spec.json for the sizes, tokio.rs for the same work on Tokio.

#include "workloads.hpp"

namespace {

rt::Task<std::uint64_t> identity(std::uint64_t number) { co_return number; }

}  // namespace

std::uint64_t bench::spawn_join_latency(rt::Runtime& runtime, const Sizes& sizes) {
  std::uint64_t sum = 0;
  for (std::uint64_t trip = 0; trip < size(sizes, "trips"); ++trip) sum += runtime.spawn(identity, trip).get();
  return sum;
}
