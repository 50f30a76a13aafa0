// Who has a core, while the thread that turned it blocks?
//
// A cell between two threads: the one that is about to block puts its core there, and whoever takes it out has it, a stand-in or the
// same thread once it is done. Invariant: a core is in the cell, or one thread has it. Explored in tests/cpp/model/pool_test.cpp.
// Read next: threads.cpp (hand_over(), take_back(), run_worker()).
#pragma once

#include <atomic>

#include "rt/env/environment.hpp"

namespace rt {
using enum std::memory_order;

template <Environment Env, class Core>
class alignas(64) HandOff {
 public:
  /// Whoever has the core.
  void give(Core* core) {
    // release: pairs with the acquire in claim(); who takes the core sees what was done with it.
    core_.store(core, release);
  }

  /// Any thread. nullptr: somebody else has taken it.
  [[nodiscard]] Core* claim() {
    // acq_rel: acquire pairs with give(); release is for the one who finds null.
    return core_.exchange(nullptr, acq_rel);
  }

 private:
  typename Env::template atomic<Core*> core_{nullptr};
};

}  // namespace rt
