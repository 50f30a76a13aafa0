// What does a spawn cost from a thread that knows the runtime only by its handle, onto idle workers, with every task joined?
// Read next: spec.json for the sizes, tokio.rs for the same work on Tokio.

#include "workloads.hpp"

#include <functional>
#include <utility>
#include <vector>

namespace {

using Handles = std::vector<rt::JoinHandle<std::uint64_t>>;

rt::Task<std::uint64_t> one() { co_return 1; }

rt::Task<std::uint64_t> join_all(Handles& handles) {
  std::uint64_t finished = 0;
  for (auto& handle : handles) finished += co_await std::move(handle);
  co_return finished;
}

}  // namespace

std::uint64_t bench::spawn_many_remote(rt::Runtime& runtime, const Sizes& sizes) {
  const auto tasks = size(sizes, "tasks");
  Handles handles;
  handles.reserve(tasks);
  for (std::uint64_t task = 0; task < tasks; ++task) handles.push_back(runtime.spawn(one));
  return runtime.block_on(join_all, std::ref(handles));
}
