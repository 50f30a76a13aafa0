// How does a task own those that it forks? By a Child<T>: a join handle whose end cancels a task that still runs.
//
// So a fork-join tree whose root is dropped falls apart from the root to the leaves, one level a turn and without
// recursion: a cancelled task's frame is destroyed, and its children with it.
#pragma once

#include <utility>

#include "rt/task/join.hpp"

namespace rt::workload {

/// A join reference that cancels when it is dropped too early.
class ScopedJoin {
 public:
  explicit ScopedJoin(JoinRef&& ref) : ref_(std::move(ref)) {}
  ScopedJoin(ScopedJoin&&) noexcept = default;
  ScopedJoin& operator=(ScopedJoin&&) = delete;
  ~ScopedJoin() {
    if (ref_.task() != nullptr && !ref_.done()) ref_.cancel();
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
    if (join_.ref().poll(task_join_waker(task))) return true;
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
