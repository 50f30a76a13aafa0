// auto both = fork_join(a(), b()); co_await both: runs coroutines at once, and goes on with their results when all have ended.
//
// For recursion that forks at every step: no task, no join handle and no allocation but the child's frame, unless a thief takes
// the child or the parent waits. The children may refer to what lies in the parent's frame: it does not go before they have ended,
// and if it is dropped, they end first. The first exception, in the order of the children, is thrown when all have ended.
// What is promised to a dump and in the figures: cpp/decisions/009. Read next: branch.hpp (how they run).
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <tuple>
#include <utility>
#include <variant>

#include "rt/task/branch.hpp"
#include "rt/task/coroutine.hpp"
#include "rt/task/frame_pool.hpp"

namespace rt {
namespace detail {

[[noreturn]] void throw_no_room(std::size_t room);

/// What an ended branch returned; throws what it threw, or Cancelled.
template <class T>
auto take_result(Branch& branch) {
  if (branch.child == nullptr) throw Cancelled();
  auto& promise = static_cast<CoroPromise<T>&>(*branch.child);
  if constexpr (std::is_void_v<T>) {
    promise.take();
    return std::monostate{};
  } else {
    return promise.take();
  }
}

}  // namespace detail

/// A fixed number of children.
template <class... T>
class [[nodiscard]] Forked final : public ForkJoin {
 public:
  explicit Forked(Coro<T>&&... children) {
    std::size_t i = 0;
    ((all_[i++].child = children.release()), ...);
    branches_ = all_.data();
    count_ = sizeof...(T);
  }
  /// After the co_await, once.
  auto take() { return take_in_order(std::index_sequence_for<T...>{}); }

 private:
  using Results = std::tuple<decltype(detail::take_result<T>(std::declval<Branch&>()))...>;
  template <std::size_t... i>
  Results take_in_order(std::index_sequence<i...>) {
    return Results{detail::take_result<T>(all_[i])...};
  }

  std::array<Branch, sizeof...(T)> all_;
};

/// `auto both = fork_join(f(1), f(2)); auto [one, two] = co_await both;` The first child begins at once, on this thread.
template <class... T>
  requires(sizeof...(T) > 0)
Forked<T...> fork_join(Coro<T>&&... children) {
  return Forked<T...>(std::move(children)...);
}

/// As many children of one kind as the constructor has room for: `add()` them, `co_await` it, then `take()` each result.
template <class T>
class Branches final : public ForkJoin {
 public:
  explicit Branches(std::size_t room) : room_(room) {
    if (room != 0) branches_ = static_cast<Branch*>(take_block(room * sizeof(Branch)));
  }
  ~Branches() override {
    for (std::uint32_t i = 0; i < count_; ++i) branches_[i].~Branch();
    if (room_ != 0) give_block(branches_, room_ * sizeof(Branch));
  }

  /// Throws std::length_error if there is no room.
  void add(Coro<T>&& child) {
    if (count_ == room_) detail::throw_no_room(room_);
    new (&branches_[count_++]) Branch;
    branches_[count_ - 1].child = child.release();
  }
  [[nodiscard]] std::uint32_t size() const { return count_; }
  /// For the co_await: nothing to give, the results are taken one by one.
  void take() const {}
  /// After the co_await, once each.
  auto take(std::uint32_t i) {
    assert(i < count_);
    return detail::take_result<T>(branches_[i]);
  }

 private:
  const std::size_t room_;
};

}  // namespace rt
