// The least scheduler that can drive tasks in a test: one queue, first in first out, turned by whoever calls run().
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <stdexcept>

#include "rt/task/context.hpp"
#include "rt/task/poll.hpp"
#include "rt/task/slots.hpp"
#include "rt/task/spawn.hpp"
#include "rt/time/driver.hpp"

namespace rt::testing_home {

class QueueHome final : public Home {
 public:
  QueueHome() = default;
  /// Another home of the same world, as a block_on has.
  explicit QueueHome(const void* world) : Home(world) {}
  ~QueueHome() override { slots_->orphan(nullptr); }

  void schedule(Header& task, Ready) override {
    const std::scoped_lock lock(mutex_);
    queue_.push_back(&task);
  }
  void submit_new(Header& task, const Destination&) override {
    ++alive_;
    schedule(task, Ready::woken);
  }
  void submit_blocking(Header&, Nanos) override { throw std::logic_error("no blocking jobs here"); }
  void ended(Header&, Context*) override { --alive_; }
  [[nodiscard]] Nanos now() override { return steady_now(); }
  [[nodiscard]] TimeDriver& timers() override { return timers_; }
  [[nodiscard]] SlotRegistry& slots() override { return *slots_; }
  [[nodiscard]] bool simulated() const override { return false; }
  void count_forced_yield() override { ++forced_yields; }
  void block_in_place(const std::function<void()>& blocking, Nanos) override { blocking(); }

  template <class F, class... Args>
  auto spawn(F&& function, Args&&... args) {
    Context context;
    context.home = this;
    const ContextScope scope(context);
    return rt::spawn(std::forward<F>(function), std::forward<Args>(args)...);
  }

  /// Polls one task, with a budget. False if none is ready.
  bool turn(std::uint32_t budget = 128) {
    Header* task = nullptr;
    {
      const std::scoped_lock lock(mutex_);
      if (queue_.empty()) return false;
      task = queue_.front();
      queue_.pop_front();
    }
    Context context;
    context.home = this;
    context.budget.left = budget;
    const ContextScope scope(context);
    run_task(*task);
    budget_left = context.budget.left;
    return true;
  }
  void run() {
    while (turn()) {
    }
  }
  [[nodiscard]] int alive() const { return alive_; }

  std::atomic<int> forced_yields{0};
  std::atomic<std::uint32_t> budget_left{0};

 private:
  std::mutex mutex_;
  std::deque<Header*> queue_;
  std::atomic<int> alive_{0};
  TimeDriver timers_{0, [](std::uint32_t) {}};
  SlotRegistry* slots_ = SlotRegistry::create();
};

/// The result of a task that has to have ended: a test that is wrong about that fails instead of hanging.
template <class T>
T result(JoinHandle<T>& task) {
  if (!task.done()) throw std::logic_error("the task still waits");
  return task.get();
}

}  // namespace rt::testing_home
