#include "rt/workload/open_system.hpp"

#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

#include "rt/task/spawn.hpp"
#include "rt/workload/countdown.hpp"
#include "rt/workload/counter_random.hpp"
#include "rt/workload/law.hpp"

namespace rt::workload {
namespace {

Law law_at(const Workload& system, std::size_t at, std::size_t array, const char* name) {
  return Law::from(std::span(system.ints).subspan(at, Law::numbers), system.arrays[array], name);
}

Destination destination_of(const Workload& system) {
  const auto choices = static_cast<std::uint32_t>(system.ints[OpenSystem::choices]);
  switch (static_cast<OpenSystem::Place>(system.ints[OpenSystem::place])) {
    case OpenSystem::Place::inject: return {.placement = Placement{.kind = Placement::Kind::central}};
    case OpenSystem::Place::worker: return {.placement = Placement{.kind = Placement::Kind::random}};
    case OpenSystem::Place::jsq: return {.placement = Placement{.kind = Placement::Kind::jsq, .choices = choices}};
    default: return {};
  }
}

struct Job {
  std::uint32_t number = 0;
  Nanos arrival = 0;
  Nanos size = 0;
};

/// What all jobs of one run share.
class OpenRun final : public Countdown {
 public:
  explicit OpenRun(WorkloadPtr system)
      : system_(std::move(system)),
        gaps_(law_at(*system_, OpenSystem::arrivals, 0, "arrivals")),
        sizes_(law_at(*system_, OpenSystem::service, 1, "service")),
        options_{.to = destination_of(*system_)} {}

  [[nodiscard]] std::int64_t jobs() const { return system_->ints[OpenSystem::jobs]; }
  [[nodiscard]] Nanos slice() const { return static_cast<Nanos>(system_->ints[OpenSystem::slice]); }
  [[nodiscard]] const SpawnOptions& options() const { return options_; }

  /// The one that comes after something at `before`.
  [[nodiscard]] Job job(std::uint32_t number, Nanos before) const {
    const RandomKey key{.seed = static_cast<std::uint64_t>(system_->ints[OpenSystem::seed])};
    const Words words = random_words(key, number);
    const Nanos gap = gaps_.draw(words[0], words[1]);
    const Nanos arrival = gap < no_deadline - before ? before + gap : no_deadline;
    return {number, arrival, sizes_.draw(words[2], words[3])};
  }
  /// Each job writes its own element.
  void note_sojourn(const Job& job, Nanos end) {
    if (system_->output) (*system_->output)[job.number] = end > job.arrival ? static_cast<std::int64_t>(end - job.arrival) : 0;
  }

 private:
  const WorkloadPtr system_;
  const Sampler gaps_;
  const Sampler sizes_;
  const SpawnOptions options_;
};

Task<void> serve(Ticket ticket, Job job) {
  auto& run = ticket.as<OpenRun>();
  const Nanos slice = run.slice();
  Nanos left = job.size;
  while (slice != 0 && left > slice && !ticket.is_abandoned()) {
    Work part(slice);
    co_await part;
    left -= slice;
    YieldNow pause;
    co_await pause;
  }
  if (ticket.is_abandoned()) co_return;
  Work rest(left);
  co_await rest;
  run.note_sojourn(job, current()->home->now());
  ticket.add_credit();
}

/// The job that arrives next, and the right to let it.
struct Arrivals {
  Ticket ticket;
  Job next;
};

void ask_for_next(const std::shared_ptr<Arrivals>& arrivals);

/// Outside every task, at the job's time.
void arrive(const std::shared_ptr<Arrivals>& arrivals) {
  Ticket& ticket = arrivals->ticket;
  auto& run = ticket.as<OpenRun>();
  if (ticket.is_abandoned()) return;
  const Job job = arrivals->next;
  ticket.grow();
  static_cast<void>(spawn_with(run.options(), std::source_location::current(), serve, ticket.split(), job));
  if (job.number + 1 == run.jobs()) return;
  arrivals->next = run.job(job.number + 1, job.arrival);
  ask_for_next(arrivals);
}

void ask_for_next(const std::shared_ptr<Arrivals>& arrivals) {
  current()->home->call_at(arrivals->next.arrival, [arrivals] { arrive(arrivals); });
}

}  // namespace

Task<std::int64_t> open_system(WorkloadPtr system) {
  Owner<OpenRun> owner(std::make_unique<OpenRun>(std::move(system)));
  {
    const OpenRun& run = owner.state();
    Ticket ticket = owner.issue(1);
    if (run.jobs() != 0) {
      const Job first = run.job(0, current()->home->now());
      ask_for_next(std::make_shared<Arrivals>(std::move(ticket), first));
    }
  }
  Drained drained(owner);
  co_return co_await drained;
}

void check_open_system(const Workload& system) {
  const auto refuse = [](const std::string& what) { throw std::invalid_argument("open_system: " + what); };
  if (system.arrays.size() != 2) refuse(std::to_string(system.arrays.size()) + " arrays; need one for each of the two laws");
  if (static_cast<OpenSystem::Place>(system.ints[OpenSystem::place]) == OpenSystem::Place::jsq &&
      system.ints[OpenSystem::choices] < 1) {
    refuse("choices=0; jsq needs 1 or more");
  }
  static_cast<void>(law_at(system, OpenSystem::arrivals, 0, "arrivals"));
  static_cast<void>(law_at(system, OpenSystem::service, 1, "service"));
  const auto jobs = static_cast<std::size_t>(system.ints[OpenSystem::jobs]);
  if (system.output && system.output->size() != jobs) refuse("the output must have an element for each of the n jobs");
}

}  // namespace rt::workload
