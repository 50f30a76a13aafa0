// How does a task own those that it forks? By a Child<T>: a join handle whose end ends a task that still lives.
//
// A fork-join tree whose root is dropped falls apart at once, as deep as it is. A cancellation that took a turn for each
// level would not do: the leaves go on forking level by level, and with queues first in first out it never catches up.
// Only a child that is being polled right now goes on, to the end of that poll.
#pragma once

#include <utility>

#include "rt/task/join.hpp"
#include "rt/task/poll.hpp"

namespace rt::workload {

/// A join reference that ends its task when it is dropped too early. Recursion: one call a level of the tree.
class ScopedJoin {
 public:
  explicit ScopedJoin(JoinRef&& ref) : ref_(std::move(ref)) {}
  ScopedJoin(ScopedJoin&&) noexcept = default;
  ScopedJoin& operator=(ScopedJoin&&) = delete;
  ~ScopedJoin() {
    if (ref_.task() != nullptr && !ref_.done()) shut_down_task(*ref_.task());
  }
  [[nodiscard]] JoinRef& ref() { return ref_; }

 private:
  JoinRef ref_;
};

template <class T>
class ChildLeaf final : public Leaf {
 public:
  explicit ChildLeaf(ScopedJoin&& join) : join_(std::move(join)) {}
  [[nodiscard]] bool poll(Header& task) override {
    if (!coop::proceed(task)) return false;
    if (join_.ref().poll(task)) return true;
    coop::give_back();
    return false;
  }
  [[nodiscard]] const char* what() const override { return "join"; }
  T take() { return take_output<T>(*join_.ref().task()); }

 private:
  ScopedJoin join_;
};

/// `Child child(spawn(...)); co_await std::move(child);`
template <class T>
class [[nodiscard]] Child {
 public:
  explicit Child(JoinHandle<T>&& handle) : join_(std::move(handle).into_ref()) {}
  [[nodiscard]] ChildLeaf<T> into_leaf() && { return ChildLeaf<T>(std::move(join_)); }

 private:
  ScopedJoin join_;
};

}  // namespace rt::workload
