// A function that may block: as a job of the pool (spawn_blocking), or here and now with the core handed on
// (block_in_place).
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "rt/task/spawn.hpp"

namespace rt {

namespace detail {
/// As launch(), for a job of the pool.
void launch_blocking(Header& task, Home& home, const SpawnOptions& options, std::source_location at, Nanos cost);
}  // namespace detail

/// In a context: runs the function on the blocking pool. `cost` is what a simulation charges.
template <class F, class... Args>
auto spawn_blocking(F&& function, Args&&... args) {
  using Result = std::invoke_result_t<F, Args...>;
  static_assert(!detail::IsTask<Result>::value, "spawn_blocking runs a function, not a coroutine");
  Home& home = detail::require_home();
  auto task = detail::make_task(std::forward<F>(function), std::forward<Args>(args)...);
  Header& header = *task.release();
  header.kind = Kind::blocking;
  detail::launch_blocking(header, home, {}, {}, 0);
  return JoinHandle<Result>(header);
}

/// Inside a task: runs the function on this thread while another thread goes on with the worker's other tasks. Outside
/// a worker it just runs it. Throws std::runtime_error if no thread is left for the worker.
template <class F>
auto block_in_place(F&& function, Nanos cost = 0) {
  using Result = std::invoke_result_t<F>;
  Context* context = current();
  if (context == nullptr || context->home == nullptr) return std::forward<F>(function)();
  if constexpr (std::is_void_v<Result>) {
    context->home->block_in_place([&] { function(); }, cost);
  } else {
    std::optional<Result> result;
    context->home->block_in_place([&] { result.emplace(function()); }, cost);
    return std::move(*result);
  }
}

/// The same for a coroutine to await, so that what follows it, in virtual time too, does not begin before it is over.
template <class F>
class BlockInPlace final : public Leaf {
 public:
  BlockInPlace(F function, Nanos cost) : function_(std::move(function)), cost_(cost) {}
  [[nodiscard]] bool poll(Header& task) override {
    if (!std::exchange(begun_, true)) block_in_place(function_, cost_);
    return !task.working;
  }
  [[nodiscard]] const char* what() const override { return "block_in_place"; }

 private:
  F function_;
  Nanos cost_;
  bool begun_ = false;
};

}  // namespace rt
