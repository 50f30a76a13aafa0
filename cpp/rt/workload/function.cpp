#include "rt/workload/function.hpp"

#include <stdexcept>
#include <string>
#include <utility>

#include "rt/task/spawn.hpp"
#include "rt/workload/countdown.hpp"

namespace rt::workload {
namespace {

class FunctionRun final : public Countdown {
 public:
  explicit FunctionRun(WorkloadPtr call) : call_(std::move(call)), results_(elements()) {}

  [[nodiscard]] std::size_t elements() const { return call_->arrays[0].size(); }
  [[nodiscard]] Nanos cost() const { return static_cast<Nanos>(call_->ints[FunctionCall::cost]); }
  /// Each task writes its own element.
  void call(std::uint32_t element) {
    const UserFunction function{call_->ints[FunctionCall::address], call_->ints[FunctionCall::data]};
    results_[element] = function(call_->arrays[0][element]);
  }
  [[nodiscard]] std::int64_t sum() const { return wrapping_sum(results_); }
  void hand_over_results() {
    if (call_->output) *call_->output = std::move(results_);
  }

 private:
  const WorkloadPtr call_;
  std::vector<std::int64_t> results_;
};

Task<void> call_one(Ticket ticket, std::uint32_t element) {
  if (ticket.is_abandoned()) co_return;
  auto& run = ticket.as<FunctionRun>();
  if (current()->home->simulated()) {
    Work busy(run.cost());
    co_await busy;
  }
  run.call(element);
  ticket.add_credit();
}

}  // namespace

std::int64_t wrapping_sum(const std::vector<std::int64_t>& results) {
  std::uint64_t total = 0;  // unsigned: it may wrap
  for (const std::int64_t result : results) total += static_cast<std::uint64_t>(result);
  return static_cast<std::int64_t>(total);
}

Task<std::int64_t> call_function(WorkloadPtr call) {
  if (call->ints[FunctionCall::cost] < 0 && current()->home->simulated()) {
    throw std::invalid_argument("function: a simulation cannot know how long a call takes; pass cost_ns, ns a call");
  }
  Owner<FunctionRun> owner(std::make_unique<FunctionRun>(std::move(call)));
  {
    const auto elements = static_cast<std::uint32_t>(owner.state().elements());
    Ticket tickets = owner.issue(elements + 1);
    for (std::uint32_t i = 0; i < elements; ++i) static_cast<void>(spawn(call_one, tickets.split(), i));
  }
  Drained drained(owner);
  co_await drained;
  const std::int64_t sum = owner.state().sum();
  owner.state().hand_over_results();
  co_return sum;
}

void check_function(const Workload& call) {
  const auto refuse = [](const std::string& what) { throw std::invalid_argument("function: " + what); };
  if (call.arrays.size() != 1) refuse(std::to_string(call.arrays.size()) + " arrays; need one, the arguments");
  if (call.ints[FunctionCall::elements] != static_cast<std::int64_t>(call.arrays[0].size()))
    refuse("n is not the array's length");
  if (call.ints[FunctionCall::address] == 0) refuse("address=0; need a function");
}

}  // namespace rt::workload
