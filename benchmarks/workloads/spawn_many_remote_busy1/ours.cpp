// What does a spawn from outside cost when every worker is busy with tasks that work for 10 us and give way?
// Read next: spec.json for the sizes, tokio.rs for the same work on Tokio.

#include "workloads.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <utility>
#include <vector>

namespace {

using Handles = std::vector<rt::JoinHandle<std::uint64_t>>;

std::atomic<bool> enough;
std::atomic<std::uint64_t> busy;

void work() {
  const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(10);
  while (std::chrono::steady_clock::now() < end) {
  }
}

rt::Task<void> take_turns() {
  while (!enough.load()) {
    work();
    co_await rt::yield_now();
  }
  busy.fetch_sub(1);
}

rt::Task<std::uint64_t> one() { co_return 1; }

rt::Task<std::uint64_t> join_all(Handles& handles) {
  std::uint64_t finished = 0;
  for (auto& handle : handles) finished += co_await std::move(handle);
  co_return finished;
}

}  // namespace

std::uint64_t bench::spawn_many_remote_busy1(rt::Runtime& runtime, const Sizes& sizes) {
  const auto tasks = size(sizes, "tasks");
  enough.store(false);
  busy.store(std::uint64_t{2} * runtime.workers());
  for (std::uint64_t number = busy.load(); number > 0; --number) runtime.spawn(take_turns);
  Handles handles;
  handles.reserve(tasks);
  for (std::uint64_t task = 0; task < tasks; ++task) handles.push_back(runtime.spawn(one));
  const std::uint64_t finished = runtime.block_on(join_all, std::ref(handles));
  enough.store(true);
  while (busy.load() != 0) {
  }
  return finished;
}
