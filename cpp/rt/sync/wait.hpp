// How does a task, or a blocked thread, wait for a primitive?
//
// Each primitive is a handle on a counted core, and every wait holds the core too (of a channel: its end), so a wait may
// outlive the handle it came from. Each kind of wait is a small class W, used in two ways: WaitLeaf<W> is what a
// coroutine awaits, wait_on_thread(w) blocks the calling thread, which must not be a worker. W has:
//   bool poll(const Who&)          true if the wait is over, else queued in its core; never throws
//   void leave()                   the waiter goes away: out of the queue, and what it was granted passes on
//   take()                         the result of a wait that is over; may throw
//   const char* name() const       for dumps and messages;   Binding& binding()
//   static constexpr bool costs_budget    one unit of the coop budget a poll (BEHAVIOUR "Coop")
// A wait that is dropped while it waits has taken nothing.
// Read next: waitlist.hpp (the queue), semaphore.hpp.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

#include "rt/env/thread_env.hpp"
#include "rt/sync/waitlist.hpp"
#include "rt/task/leaf.hpp"

namespace rt {

/// A primitive that tasks of one runtime have waited on was awaited in another.
class WrongRuntime : public std::runtime_error {
 public:
  explicit WrongRuntime(const char* primitive)
      : std::runtime_error(std::string(primitive) +
                           ": awaited in another runtime than before; a primitive belongs to the first runtime or "
                           "simulation that waits on it: make one for each") {}
};

/// Belongs to the first world that waits. Threads that block belong to no world and may always wait.
class Binding {
 public:
  /// Any thread. True: this world has waited before.
  [[nodiscard]] bool is_for(const Home& home) const { return first_.load(relaxed) == home.world(); }  // relaxed: as below

  /// Any thread. False if another world was first.
  [[nodiscard]] bool admit(const Home& home) {
    const void* const world = home.world();
    // relaxed, both: the word is compared and leads to no other memory; the primitive orders the rest.
    const void* first = first_.load(relaxed);
    if (first == world) return true;  // the usual case; an exchange that fails would cost as much as one that does not
    return first == nullptr && (first_.compare_exchange_strong(first, world, relaxed) || first == world);
  }

 private:
  std::atomic<const void*> first_{nullptr};
};

/// What a task awaits. Lies in a coroutine's frame or on the heap, and does not move.
template <class W>
class WaitLeaf final : public Leaf {
 public:
  template <class... Args>
  explicit WaitLeaf(Args&&... args) : wait_(std::forward<Args>(args)...) {}
  ~WaitLeaf() override {
    if (waits_) wait_.leave();
  }

  [[nodiscard]] bool poll(Header& task) override {
    if (!wait_.binding().admit(*task.home)) {
      wrong_runtime_ = true;  // thrown by take(): a poll has nobody to throw to
      return true;
    }
    if (W::costs_budget && !coop::proceed(task)) return false;
    waits_ = !wait_.poll(Who{&task});
    if (W::costs_budget && waits_) coop::give_back();
    return !waits_;
  }

  [[nodiscard]] const char* what() const override { return wait_.name(); }

  /// After poll() said true, once.
  decltype(auto) take() {
    if (wrong_runtime_) throw WrongRuntime(wait_.name());
    return wait_.take();
  }

 private:
  W wait_;
  bool waits_ = false;  // the core may know our node
  bool wrong_runtime_ = false;
};

/// Asked every now and then while a thread is blocked: true ends the wait as a time-out does. May throw.
using GiveUp = std::function<bool()>;

/// How long a blocked thread leaves its GiveUp unasked.  [ns]
/// 20 ms is below what a person who presses Ctrl-C notices; a wake-up every 20 ms costs a sleeping thread nothing visible.
inline constexpr Nanos give_up_interval = 20'000'000;

/// Blocks this thread, which must not be a worker, until the wait is over (true), or until `timeout` has passed or
/// `give_up` said so (false; then the wait has taken nothing).
template <class W>
bool wait_on_thread(W& wait, Nanos timeout, const GiveUp& give_up) {
  struct Leaver {
    W* wait;
    ~Leaver() {
      if (wait != nullptr) wait->leave();
    }
  };
  struct Sleeper {
    SleepingThread* thread = new SleepingThread;
    ~Sleeper() { thread->drop(); }
  };
  const Nanos start = steady_now();
  const Nanos deadline = later_by(timeout, start);
  const Sleeper sleeper;
  const Who me{nullptr, sleeper.thread};
  for (Leaver leaver{&wait};;) {
    if (wait.poll(me)) {
      leaver.wait = nullptr;
      return true;
    }
    const Nanos now = steady_now();
    if (now >= deadline || (give_up && give_up())) return false;
    static_cast<void>(me.thread->parker.wait(give_up ? std::min(deadline, now + give_up_interval) : deadline));
  }
}

}  // namespace rt
