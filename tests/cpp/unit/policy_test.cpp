// Does each field of the policy change the decision that it names, and only for the better combinations?
#include "rt/policy/policy.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "rt/drive/simulate.hpp"
#include "rt/policy/steal_amount.hpp"
#include "rt/runtime.hpp"
#include "rt/task/fork.hpp"
#include "rt/task/spawn.hpp"
#include "unit/sim_world.hpp"

namespace rt {
namespace {

using Kind = StealAmount::Kind;

std::string refusal(const Policy& policy, bool simulated = true) {
  try {
    check_policy(policy, simulated);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(Policy, the_default_is_accepted_everywhere) {
  EXPECT_EQ(refusal({}, true), "");
  EXPECT_EQ(refusal({}, false), "");
}

TEST(Policy, a_value_out_of_range_is_named_with_what_is_allowed) {
  EXPECT_NE(refusal({.local_capacity = 100}).find("local_capacity=100; need a power of two"), std::string::npos);
  EXPECT_NE(refusal({.steal = {.kind = Kind::fraction, .fraction = 1.5}}).find("strictly between 0 and 1"), std::string::npos);
  EXPECT_NE(refusal({.max_searching = 0}).find("max_searching=0"), std::string::npos);
}

TEST(Policy, a_field_without_effect_is_refused) {
  EXPECT_NE(refusal({.lifo_slot = false, .lifo_polls = 5}).find("lifo_polls has no effect with lifo_slot=False"),
            std::string::npos);
  EXPECT_NE(refusal({.steal = {.kind = Kind::none}, .steal_threshold = 2}).find("steal_threshold has no effect"),
            std::string::npos);
  EXPECT_NE(refusal({.local_order = LocalOrder::lifo, .overflow_all = true}).find("overflow has no effect"), std::string::npos);
}

TEST(Policy, threads_refuse_what_only_a_simulation_can_do) {
  EXPECT_EQ(refusal({.lifo_steal_after = 2, .retry = false}, false), "");
  EXPECT_NE(refusal({.victims = VictimOrder::nearest}, false).find("topology"), std::string::npos);
}

TEST(Policy, amounts_to_steal_are_at_least_one_and_at_most_all) {
  EXPECT_EQ(tasks_to_steal({.kind = Kind::half}, 7), 4U);
  EXPECT_EQ(tasks_to_steal({.kind = Kind::one}, 7), 1U);
  EXPECT_EQ(tasks_to_steal({.kind = Kind::all}, 7), 7U);
  EXPECT_EQ(tasks_to_steal({.kind = Kind::count, .count = 3}, 2), 2U);
  EXPECT_EQ(tasks_to_steal({.kind = Kind::fraction, .fraction = 0.25}, 5), 2U);  // rounded up
  EXPECT_EQ(tasks_to_steal({.kind = Kind::fraction, .fraction = 0.25}, 4), 1U);
  for (const Kind kind : {Kind::half, Kind::one, Kind::all}) EXPECT_EQ(tasks_to_steal({.kind = kind}, 0), 0U);
}

// ---- every policy does the same work ------------------------------------------------------------------------------

struct NamedPolicy {
  const char* name;
  Policy policy;
};

class Odd final : public VictimFunction {
 public:
  std::optional<std::uint32_t> choose(std::uint32_t thief, std::uint32_t attempt, std::span<const std::uint32_t> lengths,
                                      Dice& dice) override {
    if (attempt == lengths.size()) return std::nullopt;
    const std::uint32_t victim = dice.choose(static_cast<std::uint32_t>(lengths.size()));
    return victim == thief ? (thief + 1) % static_cast<std::uint32_t>(lengths.size()) : victim;
  }
  [[nodiscard]] bool any_thread() const override { return true; }
};

/// One that differs from the default in each field, and some that go together.
std::vector<NamedPolicy> policies() {
  using PK = Placement::Kind;
  return {
      {"tokio", {}},
      {"no_slot", {.lifo_slot = false}},
      {"one_lifo_poll", {.lifo_polls = 1}},
      {"deque", {.local_order = LocalOrder::lifo}},
      {"deque_small_half", {.local_order = LocalOrder::lifo, .local_capacity = 2}},
      {"cilk",
       {.lifo_slot = false, .local_order = LocalOrder::lifo, .steal = {.kind = Kind::one}, .fork = ForkOrder::work_first}},
      {"work_first_ring", {.fork = ForkOrder::work_first}},
      {"small_ring", {.local_capacity = 4}},
      {"central", {.placement = {PK::central}, .steal = {.kind = Kind::none}, .inject_batch = 1}},
      {"random_no_steal", {.placement = {PK::random}, .steal = {.kind = Kind::none}}},
      {"jsq", {.placement = {PK::jsq, 2}}},
      {"one", {.steal = {.kind = Kind::one}}},
      {"all", {.steal = {.kind = Kind::all}}},
      {"count", {.steal = {.kind = Kind::count, .count = 3}}},
      {"fraction", {.steal = {.kind = Kind::fraction, .fraction = 0.75}}},
      {"none", {.steal = {.kind = Kind::none}}},
      {"newest", {.steal_end = QueueEnd::newest}},
      {"newest_deque", {.local_order = LocalOrder::lifo, .steal_end = QueueEnd::newest}},
      {"threshold", {.steal_threshold = 3}},
      {"uniform", {.victims = VictimOrder::uniform}},
      {"round_robin", {.victims = VictimOrder::round_robin}},
      {"last_victim", {.victims = VictimOrder::last_victim}},
      {"two_choices", {.victims = VictimOrder::two_choices}},
      {"longest", {.victims = VictimOrder::longest}},
      {"function", {.victims = VictimOrder::function, .victim_function = std::make_shared<Odd>()}},
      {"attempts", {.victims = VictimOrder::uniform, .attempts = 1}},
      {"overflow_all", {.local_capacity = 8, .overflow_all = true}},
      {"overflow_newest", {.local_capacity = 8, .overflow_end = QueueEnd::newest}},
      {"interval_1", {.global_interval = 1}},
      {"sharded", {.inject = InjectKind::sharded}},
      {"batch", {.inject_batch = 64}},
      {"all_search", {.max_searching = 1}},
      {"spin", {.spin = 3}},
      {"per_task", {.notify = WakeRule::per_task}},
      {"wake_all", {.notify = WakeRule::all}},
      {"wake_never", {.notify = WakeRule::never}},
      {"handoff", {.driver_handoff = true}},
      {"no_budget", {.coop_budget = 0}},
      {"upkeep_1", {.event_interval = 1}},
      {"steal_slot", {.lifo_steal_after = 1}},
      {"steal_slot_of_the_longest", {.lifo_steal_after = 2, .victims = VictimOrder::longest}},
      {"no_retry", {.retry = false}},
      {"one_try", {.victims = VictimOrder::uniform, .attempts = 1, .retry = false}},
  };
}

Task<std::int64_t> tree(int depth) {
  if (depth == 0) {
    YieldNow pause;
    co_await pause;
    co_return 1;
  }
  auto forked = fork(tree, depth - 1);
  JoinHandle<std::int64_t> left = co_await forked;
  const std::int64_t right = co_await spawn(tree, depth - 1);
  const std::int64_t sum = right + co_await std::move(left);
  co_return sum;
}

Task<std::int64_t> burst(std::int64_t n) {
  std::vector<JoinHandle<std::int64_t>> handles;
  for (std::int64_t i = 0; i < n; ++i) handles.push_back(spawn(tree, 1));
  std::int64_t sum = 0;
  for (auto& handle : handles) sum += co_await std::move(handle);
  co_return sum;
}

class EveryPolicy : public testing::TestWithParam<NamedPolicy> {};

TEST_P(EveryPolicy, runs_a_tree_and_a_burst_on_threads) {
  RuntimeOptions options;
  options.scheduler.workers = 3;
  options.scheduler.policy = GetParam().policy;
  Runtime runtime(options);
  EXPECT_EQ(runtime.spawn(tree, 9).get(), 512);
  EXPECT_EQ(runtime.spawn(burst, 700).get(), 1400);
}

TEST_P(EveryPolicy, runs_a_tree_and_a_burst_in_virtual_time) {
  for (const std::uint32_t count : {1U, 2U, 5U, 16U}) {
    SimOptions options = sim_world::workers(count);
    options.scheduler.policy = GetParam().policy;
    options.costs.fill(10);
    std::int64_t sum = 0;
    SimDrive drive(options);
    const auto note = [](std::int64_t* into) -> Task<void> {
      const std::int64_t of_tree = co_await spawn(tree, 8);
      const std::int64_t of_burst = co_await spawn(burst, 600);
      *into = of_tree + of_burst;
    };
    const SimResult result = drive.run([&] { static_cast<void>(spawn(note, &sum)); }, 10'000'000);
    EXPECT_EQ(result.end, SimResult::End::finished) << count;
    EXPECT_EQ(sum, 256 + 1200) << count;
  }
}

const auto name_of = [](const auto& info) { return std::string(info.param.name); };
INSTANTIATE_TEST_SUITE_P(Policies, EveryPolicy, testing::ValuesIn(policies()), name_of);

}  // namespace
}  // namespace rt
