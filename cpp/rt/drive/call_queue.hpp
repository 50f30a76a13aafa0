// Which call is due next? Functions by the times at which they are to be called; of several at one time the first asked for.
//
// Invariant: pop() gives them in the order of (time, number asked for). No locks: its owner brings them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "rt/env/environment.hpp"

namespace rt {

class CallQueue {
 public:
  void push(Nanos when, std::function<void()> call) {
    calls_.push_back({when, next_number_++, std::move(call)});
    std::ranges::push_heap(calls_, later);
  }
  [[nodiscard]] bool empty() const { return calls_.empty(); }
  /// Of the next call; there must be one.
  [[nodiscard]] Nanos next_time() const { return calls_.front().when; }
  [[nodiscard]] std::function<void()> pop() {
    std::ranges::pop_heap(calls_, later);
    auto call = std::move(calls_.back().call);
    calls_.pop_back();
    return call;
  }

 private:
  struct Entry {
    Nanos when;
    std::uint64_t number;
    std::function<void()> call;
  };
  static bool later(const Entry& a, const Entry& b) { return a.when != b.when ? a.when > b.when : a.number > b.number; }

  std::vector<Entry> calls_;  // a heap, the next call in front
  std::uint64_t next_number_ = 0;
};

}  // namespace rt
