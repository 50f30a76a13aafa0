// spawn(function, arguments...): from a call to a task that its scheduler knows.
//
// The function is called here, at once; if it returns a Task its body runs later, on a worker; any other function is
// itself the task's one poll. Arguments are copied or moved into the frame, as with std::thread.
#pragma once

#include <functional>
#include <source_location>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "rt/task/context.hpp"
#include "rt/task/join.hpp"

namespace rt {

/// How a task starts; all optional.
struct SpawnOptions {
  std::string_view name{};
  Destination to{};
};

namespace detail {

template <class T>
struct IsTask : std::false_type {};
template <class T>
struct IsTask<Task<T>> : std::true_type {};

/// The one poll of a plain function.
template <class F, class... Args>
Task<std::invoke_result_t<F, Args...>> call_once(F function, Args... args) {
  co_return std::invoke(std::move(function), std::move(args)...);
}

/// The current scheduler, or std::logic_error.
Home& require_home();

/// Fills in what a new task's header lacks, and hands it to its home. Gives the join reference.
void launch(Header& task, Home& home, const SpawnOptions& options, std::source_location at);

template <class F, class... Args>
auto make_task(F&& function, Args&&... args) {
  using Result = std::invoke_result_t<F&, std::decay_t<Args>...>;
  if constexpr (IsTask<Result>::value) {
    static_assert(std::is_empty_v<std::decay_t<F>> || std::is_pointer_v<std::decay_t<F>>,
                  "a lambda that is a coroutine must not capture: pass arguments instead");
    return std::invoke(function, std::decay_t<Args>(std::forward<Args>(args))...);
  } else {
    return call_once<std::decay_t<F>, std::decay_t<Args>...>(std::forward<F>(function), std::forward<Args>(args)...);
  }
}

}  // namespace detail

/// A new header's fields for any kind of task (the binding's too). The word still says "free".
void prepare_header(Header& task, Home& home, const SpawnOptions& options, std::source_location at);

/// In a task or a block_on: spawns on the current runtime.
template <class F, class... Args>
auto spawn_with(const SpawnOptions& options, std::source_location at, F&& function, Args&&... args) {
  Home& home = detail::require_home();
  auto task = detail::make_task(std::forward<F>(function), std::forward<Args>(args)...);
  using T = typename decltype(task)::value_type;
  Header& header = *task.release();
  detail::launch(header, home, options, at);
  return JoinHandle<T>(header);
}

/// `JoinHandle<T> handle = rt::spawn(function, arguments...)`, in a task or a block_on; dropping the handle lets the task
/// go on alone. One overload a number of arguments, since a parameter pack cannot be followed by the caller's line.
template <class F>
  requires std::is_invocable_v<F&>
auto spawn(F&& function, std::source_location at = std::source_location::current()) {
  return spawn_with({}, at, std::forward<F>(function));
}
template <class F, class A0>
  requires std::is_invocable_v<F&, std::decay_t<A0>>
auto spawn(F&& function, A0&& a0, std::source_location at = std::source_location::current()) {
  return spawn_with({}, at, std::forward<F>(function), std::forward<A0>(a0));
}
template <class F, class A0, class A1>
  requires std::is_invocable_v<F&, std::decay_t<A0>, std::decay_t<A1>>
auto spawn(F&& function, A0&& a0, A1&& a1, std::source_location at = std::source_location::current()) {
  return spawn_with({}, at, std::forward<F>(function), std::forward<A0>(a0), std::forward<A1>(a1));
}
template <class F, class A0, class A1, class A2>
  requires std::is_invocable_v<F&, std::decay_t<A0>, std::decay_t<A1>, std::decay_t<A2>>
auto spawn(F&& function, A0&& a0, A1&& a1, A2&& a2, std::source_location at = std::source_location::current()) {
  return spawn_with({}, at, std::forward<F>(function), std::forward<A0>(a0), std::forward<A1>(a1), std::forward<A2>(a2));
}
template <class F, class A0, class A1, class A2, class A3>
  requires std::is_invocable_v<F&, std::decay_t<A0>, std::decay_t<A1>, std::decay_t<A2>, std::decay_t<A3>>
auto spawn(F&& function, A0&& a0, A1&& a1, A2&& a2, A3&& a3, std::source_location at = std::source_location::current()) {
  return spawn_with({}, at, std::forward<F>(function), std::forward<A0>(a0), std::forward<A1>(a1), std::forward<A2>(a2),
                    std::forward<A3>(a3));
}
template <class F, class A0, class A1, class A2, class A3, class A4>
  requires std::is_invocable_v<F&, std::decay_t<A0>, std::decay_t<A1>, std::decay_t<A2>, std::decay_t<A3>, std::decay_t<A4>>
auto spawn(F&& function, A0&& a0, A1&& a1, A2&& a2, A3&& a3, A4&& a4, std::source_location at = std::source_location::current()) {
  return spawn_with({}, at, std::forward<F>(function), std::forward<A0>(a0), std::forward<A1>(a1), std::forward<A2>(a2),
                    std::forward<A3>(a3), std::forward<A4>(a4));
}

}  // namespace rt
