// What do all our workloads share? Their sizes, the signal an outside thread waits for, and the list of workloads.
//
// Invariant: the counterpart of tokio/src/bench.rs, with the same costs. Read next: main.cpp, ../workloads/*/ours.cpp.
#pragma once

#include "rt/runtime.hpp"

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>

namespace bench {

/// The sizes of one workload, as spec.json gives them.
using Sizes = std::map<std::string, std::uint64_t>;

inline std::uint64_t size(const Sizes& sizes, const std::string& name) {
  const auto found = sizes.find(name);
  if (found == sizes.end()) throw std::runtime_error("size " + name + " is missing; pass --size " + name + "=NUMBER");
  return found->second;
}

/// One outside thread waits, the last task of a workload notifies. A mutex and a condition variable in every peer,
/// so that this one round trip costs all of them the same.
class Signal {
 public:
  void raise() {
    {
      const std::scoped_lock lock(mutex_);
      raised_ = true;
    }
    changed_.notify_one();
  }

  /// Blocks the calling thread until the signal is raised, and lowers it again for the next repeat.
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return raised_; });
    raised_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool raised_ = false;
};

// One iteration of each workload; returns its answer.
std::uint64_t chained_spawn(rt::Runtime& runtime, const Sizes& sizes);
std::uint64_t fib(rt::Runtime& runtime, const Sizes& sizes);
std::uint64_t ping_pong(rt::Runtime& runtime, const Sizes& sizes);
std::uint64_t skynet(rt::Runtime& runtime, const Sizes& sizes);
std::uint64_t spawn_join_worker(rt::Runtime& runtime, const Sizes& sizes);
std::uint64_t spawn_many_local(rt::Runtime& runtime, const Sizes& sizes);
std::uint64_t spawn_many_remote(rt::Runtime& runtime, const Sizes& sizes);
std::uint64_t spawn_many_worker(rt::Runtime& runtime, const Sizes& sizes);
std::uint64_t yield_many(rt::Runtime& runtime, const Sizes& sizes);

}  // namespace bench
