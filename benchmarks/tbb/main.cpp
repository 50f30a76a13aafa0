// How long does one workload take on oneTBB? Runs it and prints one JSON line; see ../shared/bench.hpp.
// To add a workload: its tbb.cpp, one declaration in pool.hpp and one line here.

#include "pool.hpp"

int main(int count, char** words) {
  const bench::Workloads<bench::Pool> workloads = {
      {"chained_spawn", bench::chained_spawn},         {"fib", bench::fib},
      {"fib_structured", bench::fib_structured},       {"skynet", bench::skynet},
      {"skynet_structured", bench::skynet_structured}, {"spawn_join_worker", bench::spawn_join_worker},
      {"spawn_many_remote", bench::spawn_many_remote}, {"spawn_many_worker", bench::spawn_many_worker},
  };
  return bench::run("tbb", workloads, count, words);
}
