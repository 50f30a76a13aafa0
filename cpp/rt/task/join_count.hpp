// When have all branches of a fork ended that somebody else ran? One word in the parent's frame; no exchange if there are none.
//
// Branches that the parent itself ran are not counted: it knows. For the others the word is (how many the parent waits for) minus
// (how many have left): the parent adds at the join, each of them subtracts one at its end, and whoever brings it to zero lets the
// parent go on. A parent that is to be dropped holds the word: one share more, so that it is not left behind while it asks its
// branches to end, and a bit that tells the last one to end the parent instead of waking it.
// Invariant: who leaves and was not the last must not look at the fork again; nor may the last one, unless it is to end the parent.
// Explored in tests/cpp/model/fork_test.cpp.
#pragma once

#include <cstdint>

#include "rt/env/environment.hpp"

namespace rt {
using enum std::memory_order;

/// What who leaves a fork has to do. end: the parent is to be dropped, and it is safe to look at until then.
enum class OnLeave : std::uint8_t { nothing, wake, end };

template <Environment Env>
class JoinCount {
 public:
  /// Parent, once, when all that it began itself has ended. True: the `away` others have ended too.
  [[nodiscard]] bool wait_for(std::uint32_t away) noexcept {
    // acq_rel: acquire pairs with leave(): the results; release lets the last one see that the parent waits.
    return word_.fetch_add(away, acq_rel) + away == 0;
  }

  /// While the parent waits: whether all have ended.
  [[nodiscard]] bool is_over() const noexcept { return word_.load(acquire) == 0; }  // acquire: pairs with leave()

  /// A branch that another ran, once, at its end.
  [[nodiscard]] OnLeave leave() noexcept {
    // acq_rel: release for the results; acquire, since who comes last goes on for the parent, and may free what the others used.
    const std::int64_t before = word_.fetch_sub(1, acq_rel);
    if (before == 1) return OnLeave::wake;
    return before == ending + 1 ? OnLeave::end : OnLeave::nothing;
  }

  /// Who drops the parent; `away`: as many as it does not wait for yet. True: all have ended, and the word is of no use any more.
  [[nodiscard]] bool hold(std::uint32_t away) noexcept {
    // seq_cst: a branch that is just becoming a task looks at is_held() after it has shown its task; we look for tasks after this.
    return word_.fetch_add(ending + 1 + away, seq_cst) + away == 0;
  }
  /// After hold() said false. True: all have ended meanwhile. Otherwise the last one will be told to end the parent.
  [[nodiscard]] bool let_go() noexcept { return word_.fetch_sub(1, acq_rel) == ending + 1; }  // acq_rel: as in leave()
  [[nodiscard]] bool is_held() const noexcept { return word_.load(seq_cst) >= ending / 2; }   // seq_cst: see hold()

 private:
  static constexpr std::int64_t ending = std::int64_t{1} << 48;  // far more than branches
  typename Env::template atomic<std::int64_t> word_{0};
};

}  // namespace rt
