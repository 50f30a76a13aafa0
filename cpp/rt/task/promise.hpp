// Who goes on when a coroutine has ended? What all coroutine frames of ours have in common, and the link to their caller.
//
// Invariant: a frame's caller is either the frame that awaits it in place, or the branch that it is of a fork and join; the chain
// of callers, from the innermost frame outwards, is what a dump shows.
// Read next: branch.hpp (forks), coroutine.hpp (Task and Coro).
#pragma once

#include <coroutine>
#include <cstdint>
#include <source_location>

namespace rt {

struct Branch;
struct Header;
struct PromiseBase;

/// One word: a frame, a branch (lowest bit set), or nobody.
class Caller {
 public:
  Caller() = default;
  explicit Caller(PromiseBase& frame) : word_(reinterpret_cast<std::uintptr_t>(&frame)) {}
  explicit Caller(Branch& branch) : word_(reinterpret_cast<std::uintptr_t>(&branch) | branch_bit) {}

  [[nodiscard]] bool is_branch() const { return (word_ & branch_bit) != 0; }
  /// Unless is_branch(); null: nobody.
  [[nodiscard]] PromiseBase* frame() const { return reinterpret_cast<PromiseBase*>(word_); }
  /// If is_branch().
  [[nodiscard]] Branch& branch() const { return *reinterpret_cast<Branch*>(word_ & ~branch_bit); }

 private:
  static constexpr std::uintptr_t branch_bit = 1;
  std::uintptr_t word_ = 0;
};

struct PromiseBase {
  Header* task = nullptr;
  Caller caller;  // who awaits this one in place; nobody for the task itself
  std::coroutine_handle<> self;
  std::source_location awaits_at;  // the last co_await
};

}  // namespace rt
