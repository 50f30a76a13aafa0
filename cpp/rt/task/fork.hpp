// co_await fork(function, arguments...): a child task, and the policy decides which of the two runs on.
//
// Help-first: the child is queued, the parent goes on, nothing suspends; the same as spawn(). Work-first: the child runs next on
// this worker, and the parent waits at the end of its queue, where a thief may take it (Blumofe and Leiserson, "Scheduling
// multithreaded computations by work stealing", 1999). Only structured native code forks; every other spawn is help-first.
#pragma once

#include <source_location>
#include <utility>

#include "rt/task/spawn.hpp"

namespace rt {

template <class T>
class [[nodiscard]] Fork final : public Leaf {
 public:
  Fork(Task<T>&& child, std::source_location at) : child_(std::move(child)), at_(at) {}

  [[nodiscard]] bool poll(Header& parent) override {
    if (is_launched_) return true;
    is_launched_ = true;
    Home& home = detail::require_home();
    Header& child = *child_.release();
    const bool child_first = home.forks_child_first();
    detail::launch(child, home, {.to = {.child_first = child_first}}, at_);
    handle_ = JoinHandle<T>(child);
    if (child_first) static_cast<void>(wake(parent));  // it is being polled: its end queues it behind what is ready
    return !child_first;
  }
  [[nodiscard]] const char* what() const override { return "fork"; }
  JoinHandle<T> take() { return std::move(handle_); }

 private:
  Task<T> child_;  // until it has been launched
  JoinHandle<T> handle_;
  bool is_launched_ = false;
  const std::source_location at_;
};

namespace detail {

template <class F, class... Args>
auto make_fork(std::source_location at, F&& function, Args&&... args) {
  auto task = make_task(std::forward<F>(function), std::forward<Args>(args)...);
  using T = typename decltype(task)::value_type;
  return Fork<T>(std::move(task), at);
}

}  // namespace detail

/// `auto forked = fork(function, argument); JoinHandle<T> child = co_await forked;` (one name each: some compilers mishandle
/// temporaries in a co_await). One overload a number of arguments, as for spawn().
template <class F>
  requires std::is_invocable_v<F&>
auto fork(F&& function, std::source_location at = std::source_location::current()) {
  return detail::make_fork(at, std::forward<F>(function));
}
template <class F, class A0>
  requires std::is_invocable_v<F&, std::decay_t<A0>>
auto fork(F&& function, A0&& a0, std::source_location at = std::source_location::current()) {
  return detail::make_fork(at, std::forward<F>(function), std::forward<A0>(a0));
}
template <class F, class A0, class A1>
  requires std::is_invocable_v<F&, std::decay_t<A0>, std::decay_t<A1>>
auto fork(F&& function, A0&& a0, A1&& a1, std::source_location at = std::source_location::current()) {
  return detail::make_fork(at, std::forward<F>(function), std::forward<A0>(a0), std::forward<A1>(a1));
}
template <class F, class A0, class A1, class A2>
  requires std::is_invocable_v<F&, std::decay_t<A0>, std::decay_t<A1>, std::decay_t<A2>>
auto fork(F&& function, A0&& a0, A1&& a1, A2&& a2, std::source_location at = std::source_location::current()) {
  return detail::make_fork(at, std::forward<F>(function), std::forward<A0>(a0), std::forward<A1>(a1), std::forward<A2>(a2));
}

}  // namespace rt
