// Which threads of the pool sleep, and to how many of them has a job been promised?
//
// Two counts under the pool's mutex. Invariant: `idle` counts the sleepers that no job has been promised; whoever queues a job for a
// sleeper takes one off, so a wake-up is never counted twice (Tokio #7910). Which sleeper comes for a promise does not matter: the one that
// was woken, or one whose time was just over. Explored in tests/cpp/model/pool_test.cpp. Read next: pool.cpp.
#pragma once

#include <cassert>
#include <cstddef>

namespace rt {

class PoolSleepers {
 public:
  /// Who queues a job. True: a sleeper will come for it, and one has to be woken.
  [[nodiscard]] bool promise() {
    if (idle_ == 0) return false;
    --idle_;
    ++promised_;
    return true;
  }

  void lie_down() { ++idle_; }
  /// A sleeper: somebody has to get up.
  [[nodiscard]] bool is_promised() const { return promised_ > 0; }
  /// A sleeper that is promised a job, or that sleeps no longer. True: for a job.
  [[nodiscard]] bool get_up() {
    if (promised_ > 0) {
      --promised_;  // whoever promised it has taken us off idle_
      return true;
    }
    assert(idle_ > 0);
    --idle_;
    return false;
  }

  [[nodiscard]] std::size_t idle() const { return idle_; }
  /// Sleepers on their way.
  [[nodiscard]] std::size_t promised() const { return promised_; }

 private:
  std::size_t idle_ = 0;
  std::size_t promised_ = 0;  // wake-ups on their way to sleepers
};

}  // namespace rt
