// The trees of fork_join.hpp, structured: a call is a branch of its caller (task/fork_join.hpp), not a task with a join handle.
//
// The answers and the declared costs are the same. `Cost...` is one Nanos in a simulation, and else empty, as there.
#pragma once

#include <cstdint>

#include "rt/env/environment.hpp"
#include "rt/task/coroutine.hpp"
#include "rt/workload/fork_join.hpp"

namespace rt::workload::structured {

template <class... Cost>
[[nodiscard]] Task<std::int64_t> fib(std::int64_t n, Cost... cost);

template <class... Cost>
[[nodiscard]] Task<std::int64_t> skynet(SkynetTree tree, Cost... cost);

[[nodiscard]] Task<std::int64_t> fork_join(std::int64_t depth, std::int64_t fanout, std::int64_t work_ns);

template <class... Cost>
[[nodiscard]] Task<std::int64_t> nqueens(std::int64_t n, Cost... cost);

}  // namespace rt::workload::structured
