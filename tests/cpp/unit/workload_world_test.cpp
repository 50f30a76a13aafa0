// Workloads that live in time: open systems, programs, functions, UTS and declared costs, in virtual time and on threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <stdexcept>

#include "rt/runtime.hpp"
#include "rt/workload/open_system.hpp"
#include "rt/workload/sha1.hpp"
#include "rt/workload/uts.hpp"
#include "rt/workload/workload.hpp"
#include "unit/sim_world.hpp"

namespace rt {
namespace {

using sim_world::enough_steps;
using Numbers = std::vector<std::int64_t>;

Workload make(std::string kind, Numbers ints, const std::vector<Numbers>& arrays = {}) {
  auto kept = std::make_shared<const std::vector<Numbers>>(arrays);
  Workload workload{std::move(kind), std::move(ints), {}, kept, {}};
  for (const Numbers& array : *kept) workload.arrays.emplace_back(array);
  return workload;
}

struct SimRun {
  Answers answers;
  SimResult sim;
};

Task<void> keep_answers(WorkloadPtr workload, std::shared_ptr<Answers> answers) {
  Coro<Answers> run = run_in_place(std::move(workload));
  *answers = co_await std::move(run);
}

SimRun simulate(const Workload& workload, SimOptions options) {
  check_workload(workload);
  auto answers = std::make_shared<Answers>();
  SimDrive drive(std::move(options));
  const SimResult sim = drive.run(
      [&] { static_cast<void>(spawn(keep_answers, std::make_shared<const Workload>(workload), answers)); }, enough_steps);
  return {*answers, sim};
}

// ---- open systems ---------------------------------------------------------------------------------------------------

constexpr std::int64_t inject = 1, worker = 2, jsq = 3;
constexpr std::int64_t deterministic = 0, exponential = 1;

Workload open_system(std::int64_t jobs, std::int64_t law, std::int64_t gap, std::int64_t size, std::int64_t place = inject,
                     std::int64_t slice = 0, std::int64_t seed = 3) {
  Workload system = make("open_system",
                         {jobs, seed, place, place == jsq ? 2 : 0, slice, law, gap << 16, 0, 0, law, size << 16, 0, 0}, {{}, {}});
  system.output = std::make_shared<Numbers>(static_cast<std::size_t>(jobs), -1);
  return system;
}

TEST(OpenSystemTest, jobs_that_find_a_free_worker_stay_as_long_as_their_work) {
  const Workload system = open_system(50, deterministic, 2'000, 1'000);
  const SimRun run = simulate(system, sim_world::workers(1));
  EXPECT_EQ(run.sim.end, SimResult::End::finished);
  EXPECT_EQ(run.answers, Answers{50});
  EXPECT_EQ(*system.output, Numbers(50, 1'000));
  EXPECT_EQ(run.sim.now, 50 * 2'000 + 1'000U);
}

TEST(OpenSystemTest, an_overloaded_worker_serves_the_shared_queue_in_the_order_of_arrivals) {
  const Workload system = open_system(20, deterministic, 1'000, 3'000);
  static_cast<void>(simulate(system, sim_world::workers(1)));
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ((*system.output)[i], static_cast<std::int64_t>(3'000 + 2'000 * i));
}

TEST(OpenSystemTest, slices_let_a_short_job_pass_a_long_one) {
  // Job 0 has 9,000 ns to do; job 1, which comes 1,000 ns later, 1,000. Sizes are drawn, so look for a seed that draws these.
  for (std::int64_t seed = 0;; ++seed) {
    const auto two = [&](std::int64_t slice) {
      Workload system = make("open_system", {2, seed, inject, 0, slice, 0, 1'000 << 16, 0, 0, 4, 0, 0, 0}, {{}, {9'000, 1'000}});
      system.output = std::make_shared<Numbers>(2);
      static_cast<void>(simulate(system, sim_world::workers(1)));
      return *system.output;
    };
    if (two(0) != Numbers{9'000, 9'000}) continue;
    EXPECT_EQ(two(1'000), (Numbers{10'000, 1'000}));
    break;
  }
}

TEST(OpenSystemTest, the_same_jobs_arrive_whatever_the_workers_do) {
  const auto arrivals_and_sizes = [](std::uint32_t workers) {
    // As many workers as jobs: nobody waits, so a sojourn is a size.
    const Workload system = open_system(30, exponential, 1'000, 1'000, worker);
    static_cast<void>(simulate(system, sim_world::workers(workers)));
    return *system.output;
  };
  const Numbers sizes = arrivals_and_sizes(64);
  EXPECT_EQ(arrivals_and_sizes(64), sizes);
  const Numbers with_queues = arrivals_and_sizes(1);
  for (std::size_t i = 0; i < sizes.size(); ++i) EXPECT_GE(with_queues[i] + 1, sizes[i]);
  EXPECT_GT(std::set<std::int64_t>(sizes.begin(), sizes.end()).size(), 25U);
}

TEST(OpenSystemTest, a_run_is_a_function_of_its_seed) {
  const auto sojourns = [](std::int64_t seed) {
    const Workload system = open_system(200, exponential, 1'100, 1'000, jsq, 0, seed);
    static_cast<void>(simulate(system, sim_world::workers(2)));
    return *system.output;
  };
  EXPECT_EQ(sojourns(3), sojourns(3));
  EXPECT_NE(sojourns(3), sojourns(4));
}

TEST(OpenSystemTest, on_threads_no_job_is_shorter_than_its_work) {
  Runtime runtime({.workers = 2});
  for (const std::int64_t place : {std::int64_t{0}, inject, worker, jsq}) {
    const Workload system = open_system(300, deterministic, 3'000, 2'000, place);
    check_workload(system);
    EXPECT_EQ(runtime.spawn(run_workload, std::make_shared<const Workload>(system)).get(), Answers{300});
    EXPECT_GE(*std::min_element(system.output->begin(), system.output->end()), 2'000);
  }
}

TEST(OpenSystemTest, no_jobs_end_at_once) {
  EXPECT_EQ(simulate(open_system(0, exponential, 1'000, 1'000), sim_world::workers(1)).answers, Answers{0});
}

TEST(OpenSystemTest, a_run_that_is_dropped_stops_its_arrivals) {
  for (const std::uint64_t steps : {1, 2, 3, 5, 8, 20, 50}) {
    SimDrive drive(sim_world::workers(2));
    JoinRef root;
    drive.outside([&] {
      root = spawn(run_workload, std::make_shared<const Workload>(open_system(1'000'000, exponential, 1'000, 1'500))).into_ref();
    });
    static_cast<void>(drive.play(steps));
    drive.outside([&] { stop_workload(root); });
    EXPECT_EQ(drive.play(10'000).end, SimResult::End::finished) << steps;
  }
  Runtime runtime({.workers = 2});
  const JoinRef root =
      runtime.spawn(run_workload, std::make_shared<const Workload>(open_system(1'000'000, exponential, 100'000, 1'500)))
          .into_ref();
  spin_for(1'000'000);
  stop_workload(root);
  EXPECT_TRUE(runtime.shutdown(false, steady_now() + 60'000'000'000));
}

TEST(OpenSystemTest, what_is_no_open_system_is_refused) {
  const auto refused = [](Workload system) { EXPECT_THROW(check_workload(system), std::invalid_argument); };
  refused(open_system(5, 7, 1, 1));
  refused(open_system(5, deterministic, 1, 1, 4));
  Workload without_choices = open_system(5, deterministic, 1, 1, jsq);
  without_choices.ints[workload::OpenSystem::choices] = 0;
  refused(without_choices);
  Workload short_output = open_system(5, deterministic, 1, 1);
  short_output.output->pop_back();
  refused(short_output);
}

// ---- functions ------------------------------------------------------------------------------------------------------

std::int64_t square(std::int64_t x) { return x * x; }

/// One more than the element before, which must be there by now.
std::int64_t count_on(std::int64_t element, void* data) {
  auto* const numbers = static_cast<std::int64_t*>(data);
  return numbers[element] = element == 0 ? 1 : numbers[element - 1] + 1;
}

template <class Pointer>
std::int64_t address_of(Pointer pointer) {
  return static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(pointer));
}

Workload squares(std::int64_t n, std::int64_t cost) {
  Numbers values(static_cast<std::size_t>(n));
  std::iota(values.begin(), values.end(), 0);
  return make("function", {n, address_of(&square), cost, 0}, {values});
}

TEST(FunctionTest, the_answer_is_the_sum_and_a_call_takes_its_cost) {
  Runtime runtime({.workers = 2});
  EXPECT_EQ(runtime.spawn(run_workload, std::make_shared<const Workload>(squares(1000, -1))).get(), Answers{332'833'500});
  Workload workload = squares(10, 700);
  workload.output = std::make_shared<Numbers>();
  const SimRun run = simulate(workload, sim_world::workers(1));
  EXPECT_EQ(run.answers, Answers{285});
  EXPECT_EQ(run.sim.now, 7'000U);
  EXPECT_EQ(*workload.output, (Numbers{0, 1, 4, 9, 16, 25, 36, 49, 64, 81}));
}

TEST(FunctionTest, a_simulation_without_a_cost_is_refused) {
  SimDrive drive(sim_world::workers(1));
  JoinHandle<Answers> root;
  drive.outside([&] { root = spawn(run_workload, std::make_shared<const Workload>(squares(3, -1))); });
  static_cast<void>(drive.play(enough_steps));
  EXPECT_THROW(static_cast<void>(root.get()), std::invalid_argument);
}

TEST(FunctionTest, the_second_argument_is_the_datas_address) {
  Numbers numbers(3);
  const auto three = make("function", {1, address_of(&count_on), 5, address_of(numbers.data())}, {{0}});
  EXPECT_EQ(simulate(three, sim_world::workers(1)).answers, Answers{1});
  EXPECT_EQ(numbers, (Numbers{1, 0, 0}));
}

/// A chain of `n` nodes in which node i comes after i + 1, and calls count_on(n - 1 - i).
Workload counting_chain(std::int64_t n, Numbers& numbers) {
  Numbers indptr{0, 0}, indices, cost, args;
  for (std::int64_t i = 0; i < n; ++i) {
    if (i > 0) {
      indices.push_back(i - 1);
      indptr.push_back(i);
    }
    cost.push_back(100);
    args.push_back(n - 1 - i);
  }
  return make("dag_calls", {n, address_of(&count_on), address_of(numbers.data())}, {indptr, indices, cost, args});
}

TEST(DagCallsTest, a_node_is_called_after_its_predecessors_and_the_answer_is_the_sum) {
  Numbers numbers(50);
  Runtime runtime({.workers = 2});
  const Workload chain = counting_chain(50, numbers);
  EXPECT_EQ(runtime.spawn(run_workload, std::make_shared<const Workload>(chain)).get(), Answers{50 * 51 / 2});
  Numbers upwards(50);
  std::iota(upwards.begin(), upwards.end(), 1);
  EXPECT_EQ(numbers, upwards);
}

TEST(DagCallsTest, in_a_simulation_a_call_takes_the_nodes_cost) {
  Numbers numbers(50);
  const SimRun run = simulate(counting_chain(50, numbers), sim_world::workers(2));
  EXPECT_EQ(run.answers, Answers{50 * 51 / 2});
  EXPECT_EQ(run.sim.now, 5'000U);
}

TEST(DagCallsTest, an_argument_too_few_is_refused) {
  Numbers numbers(2);
  Workload chain = counting_chain(2, numbers);
  chain.arrays[3] = chain.arrays[3].first(1);
  EXPECT_THROW(check_workload(chain), std::invalid_argument);
}

// ---- programs -------------------------------------------------------------------------------------------------------

enum : std::int64_t { work, yield, spawn_op, join, sleep_op, notify, wait, lock, unlock, cancel, block, send, recv };

TEST(ProgramTest, a_program_answers_when_its_last_task_has_ended) {
  const Workload workload = make("program", {3, 1}, {{0, spawn_op, 1, 0, spawn_op, 2,         0, join,  1,  //
                                                      1, recv,     0, 1, work,     500,                     //
                                                      2, send,     0, 2, sleep_op, 3'000'000, 2, block, 20}});
  const SimRun run = simulate(workload, sim_world::workers(2));
  EXPECT_EQ(run.answers, Answers{3});
  EXPECT_GE(run.sim.now, 3'000'000U);
  Runtime runtime({.workers = 2});
  EXPECT_EQ(runtime.spawn(run_workload, std::make_shared<const Workload>(workload)).get(), Answers{3});
}

TEST(ProgramTest, a_full_channel_holds_its_sender) {
  const Workload stuck = make("program", {1, 2}, {{0, send, 0, 0, send, 0, 0, send, 0}});
  EXPECT_EQ(simulate(stuck, sim_world::workers(1)).sim.end, SimResult::End::deadlock);
  const Workload fits = make("program", {1, 3}, {{0, send, 0, 0, send, 0, 0, send, 0}});
  EXPECT_EQ(simulate(fits, sim_world::workers(1)).answers, Answers{1});
}

TEST(ProgramTest, a_stuck_program_that_is_dropped_leaves_no_task) {
  const Workload stuck = make("program", {3, 1},
                              {{0, spawn_op, 1, 0, spawn_op, 2, 0, wait, 0,  //
                                1, lock, 0, 1, wait, 0, 2, lock, 0}});
  Runtime runtime({.workers = 2});
  const JoinRef root = runtime.spawn(run_workload, std::make_shared<const Workload>(stuck)).into_ref();
  spin_for(1'000'000);
  stop_workload(root);
  EXPECT_TRUE(runtime.shutdown(false, steady_now() + 60'000'000'000));
}

TEST(ProgramTest, rows_that_no_run_can_follow_are_refused) {
  EXPECT_THROW(check_workload(make("program", {1, 1}, {{0, join, 1}})), std::invalid_argument);
  EXPECT_THROW(check_workload(make("program", {1, 1}, {{0, send, 1024}})), std::invalid_argument);
  EXPECT_THROW(check_workload(make("program", {1, 0}, {{}})), std::invalid_argument);
  EXPECT_THROW(check_workload(make("program", {1, 1})), std::invalid_argument);
}

// ---- UTS ------------------------------------------------------------------------------------------------------------

workload::Sha1Digest sha1_of(std::string_view text) {
  const std::vector<std::uint8_t> bytes(text.begin(), text.end());
  return workload::sha1(bytes);
}

std::string hex(const workload::Sha1Digest& digest) {
  std::string text;
  for (const std::uint8_t byte : digest) {
    for (const int nibble : {byte >> 4, byte & 15}) text += "0123456789abcdef"[nibble];
  }
  return text;
}

TEST(UtsTest, sha1_gives_the_published_digests) {
  EXPECT_EQ(hex(sha1_of("")), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(hex(sha1_of("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex(sha1_of("The quick brown fox jumps over the lazy dog")), "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12");
}

/// T1 of the benchmark, cut off at a depth; and a small binomial tree.
Numbers geometric(std::int64_t depth) { return {1, 19, 0, 0, 7378697629483820646, depth}; }
Numbers binomial() { return {0, 42, 500, 8, static_cast<std::int64_t>(0.12 * 2147483648.0), 0}; }

TEST(UtsTest, tasks_find_as_many_nodes_as_a_walk_in_both_worlds) {
  Runtime runtime({.workers = 2});
  for (const Numbers& tree : {geometric(0), geometric(1), geometric(6), binomial()}) {
    const std::int64_t nodes = workload::measure(workload::UtsTree::from(tree)).nodes;
    EXPECT_EQ(runtime.spawn(run_workload, std::make_shared<const Workload>(make("uts", tree))).get(), Answers{nodes});
    Numbers charged = tree;
    charged.push_back(100);
    const SimRun run = simulate(make("uts", charged), sim_world::workers(1));
    EXPECT_EQ(run.answers, Answers{nodes});
    EXPECT_EQ(run.sim.now, static_cast<Nanos>(100 * nodes));
  }
}

TEST(UtsTest, a_tree_has_the_size_that_another_program_finds) {
  // Walked with Python's hashlib. The Python tests check the published size of the whole of T1.
  const workload::UtsSize size = workload::measure(workload::UtsTree::from(geometric(6)));
  EXPECT_EQ(size.nodes, 16'000);
  EXPECT_EQ(size.leaves, 12'839);
  EXPECT_EQ(size.depth, 6);
}

// ---- declared costs -------------------------------------------------------------------------------------------------

TEST(DeclaredCostTest, one_worker_takes_the_cost_of_all_tasks_and_no_more) {
  struct Case {
    Workload workload;
    Nanos work;
  };
  const std::vector<Case> cases{{make("fib", {10, 7}), 177 * 7},  // 2 F(11) - 1 calls
                                {make("skynet", {3, 4, 10}), 85 * 10},
                                {make("nqueens", {5, 100}), 54 * 100},
                                {make("matmul", {128, 64}), 8 * 64},
                                {make("matmul", {32, 64}), 8},
                                {make("fork_join", {2, 3, 50}), 9 * 50},
                                {make("fib_structured", {10, 7}), 177 * 7},
                                {make("skynet_structured", {3, 4, 10}), 85 * 10},
                                {make("nqueens_structured", {5, 100}), 54 * 100}};
  for (const Case& it : cases) {
    EXPECT_EQ(simulate(it.workload, sim_world::workers(1)).sim.now, it.work) << it.workload.kind;
    Workload plain = it.workload;
    if (plain.kind == "fork_join") continue;
    plain.ints.pop_back();
    EXPECT_EQ(simulate(plain, sim_world::workers(1)).sim.now, 0U) << plain.kind << " without a cost";
  }
}

// ---- work-first -----------------------------------------------------------------------------------------------------

TEST(WorkFirstTest, trees_give_the_same_answers_and_take_the_same_work) {
  for (const Workload& workload : {make("fib", {12, 7}), make("skynet", {3, 4, 10}), make("nqueens", {6, 100}),
                                   make("fork_join", {2, 3, 50}), make("uts", {1, 19, 0, 0, 7378697629483820646, 4, 100})}) {
    SimOptions options = sim_world::workers(1);
    options.scheduler.policy.fork = ForkOrder::work_first;
    const SimRun help_first = simulate(workload, sim_world::workers(1)), work_first = simulate(workload, options);
    EXPECT_EQ(work_first.answers, help_first.answers) << workload.kind;
    EXPECT_EQ(work_first.sim.now, help_first.sim.now) << workload.kind;
    EXPECT_NE(work_first.sim.trace_hash, help_first.sim.trace_hash) << workload.kind;
    options.scheduler.workers = 4;
    EXPECT_EQ(simulate(workload, options).answers, help_first.answers) << workload.kind;
  }
}

TEST(WorkFirstTest, one_worker_has_one_path_of_the_tree_open_and_not_a_whole_level) {
  const auto most_alive = [](ForkOrder order) {
    SimOptions options = sim_world::workers(1);
    options.scheduler.policy.fork = order;
    options.scheduler.policy.local_order = LocalOrder::lifo;
    SimDrive drive(std::move(options));
    drive.outside([] { static_cast<void>(spawn(run_workload, std::make_shared<const Workload>(make("skynet", {3, 10})))); });
    std::uint64_t most = 0;
    while (drive.shared().alive_tasks() != 0 && drive.step()) most = std::max<std::uint64_t>(most, drive.shared().alive_tasks());
    return most;
  };
  EXPECT_LE(most_alive(ForkOrder::work_first), 2 + 3 + 1U);
  EXPECT_GE(most_alive(ForkOrder::help_first), 2 + 3 * 9U);
}

}  // namespace
}  // namespace rt
