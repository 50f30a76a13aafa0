// How long does one workload take on our runtime? Runs it and prints one JSON line; see ../shared/bench.hpp.
// To add a workload: its ours.cpp, one declaration in workloads.hpp and one line here.

#include "workloads.hpp"

int main(int count, char** words) {
  const bench::Workloads<rt::Runtime> workloads = {
      {"chained_spawn", bench::chained_spawn},
      {"fib", bench::fib},
      {"ping_pong", bench::ping_pong},
      {"skynet", bench::skynet},
      {"spawn_join_worker", bench::spawn_join_worker},
      {"spawn_many_local", bench::spawn_many_local},
      {"spawn_many_remote", bench::spawn_many_remote},
      {"spawn_many_worker", bench::spawn_many_worker},
      {"yield_many", bench::yield_many},
  };
  return bench::run("ours", workloads, count, words);
}
