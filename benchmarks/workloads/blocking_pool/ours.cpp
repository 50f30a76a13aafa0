// What does a call on the pool of threads that may block cost, when many are handed over at once?
// Read next: spec.json for the sizes, tokio.rs for the same work on Tokio.

#include "workloads.hpp"

#include "rt/task/blocking.hpp"

#include <vector>

namespace {

rt::Task<std::uint64_t> call_all(std::uint64_t calls) {
  std::vector<rt::JoinHandle<std::uint64_t>> handles;
  handles.reserve(calls);
  for (std::uint64_t call = 0; call < calls; ++call) handles.push_back(rt::spawn_blocking([] { return std::uint64_t{1}; }));
  std::uint64_t finished = 0;
  for (auto& handle : handles) finished += co_await std::move(handle);
  co_return finished;
}

}  // namespace

std::uint64_t bench::blocking_pool(rt::Runtime& runtime, const Sizes& sizes) {
  return runtime.block_on(call_all, size(sizes, "calls"));
}
