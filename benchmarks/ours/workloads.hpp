// Which workloads do we run? One declaration each; what they share with the other C++ peers is in ../shared/bench.hpp.
#pragma once

#include "bench.hpp"
#include "rt/runtime.hpp"
#include "rt/task/fork_join.hpp"

namespace bench {

// One iteration of each workload; returns its answer.
std::uint64_t blocking_pool(rt::Runtime& runtime, const Sizes& sizes);
std::uint64_t chained_spawn(rt::Runtime& runtime, const Sizes& sizes);
std::uint64_t channel(rt::Runtime& runtime, const Sizes& sizes);
std::uint64_t fib(rt::Runtime& runtime, const Sizes& sizes);
std::uint64_t fib_structured(rt::Runtime& runtime, const Sizes& sizes);
std::uint64_t ping_pong(rt::Runtime& runtime, const Sizes& sizes);
std::uint64_t skynet(rt::Runtime& runtime, const Sizes& sizes);
std::uint64_t skynet_structured(rt::Runtime& runtime, const Sizes& sizes);
std::uint64_t spawn_batch(rt::Runtime& runtime, const Sizes& sizes);
std::uint64_t spawn_join_latency(rt::Runtime& runtime, const Sizes& sizes);
std::uint64_t spawn_join_worker(rt::Runtime& runtime, const Sizes& sizes);
std::uint64_t spawn_many_local(rt::Runtime& runtime, const Sizes& sizes);
std::uint64_t spawn_many_remote(rt::Runtime& runtime, const Sizes& sizes);
std::uint64_t spawn_many_remote_busy1(rt::Runtime& runtime, const Sizes& sizes);
std::uint64_t spawn_many_remote_busy2(rt::Runtime& runtime, const Sizes& sizes);
std::uint64_t spawn_many_remote_busy2_policy(rt::Runtime& runtime, const Sizes& sizes);
std::uint64_t spawn_many_worker(rt::Runtime& runtime, const Sizes& sizes);
std::uint64_t timer_many(rt::Runtime& runtime, const Sizes& sizes);
std::uint64_t yield_many(rt::Runtime& runtime, const Sizes& sizes);

}  // namespace bench
