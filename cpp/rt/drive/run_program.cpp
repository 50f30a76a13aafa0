#include "rt/drive/run_program.hpp"

#include <memory>
#include <unordered_map>

#include "rt/drive/threads.hpp"

namespace rt {
namespace {

template <class Env>
void read_figures(Shared<Env>& shared, ProgramResult& result) {
  for (const auto& remote : shared.remotes) {
    const WorkerMetrics& from = remote->metrics;
    WorkerFigures& to = result.workers.emplace_back();
    // relaxed, all of them: the workers have left.
    to.poll_count = from.poll_count.load(relaxed);
    to.task_poll_count = from.task_poll_count.load(relaxed);
    to.local_schedule_count = from.local_schedule_count.load(relaxed);
    to.steal_count = from.steal_count.load(relaxed);
    to.steal_operations = from.steal_operations.load(relaxed);
    to.overflow_count = from.overflow_count.load(relaxed);
    to.park_count = from.park_count.load(relaxed);
    to.noop_count = from.noop_count.load(relaxed);
  }
  result.spawned = shared.spawned_tasks();
  result.remote_schedule_count = shared.metrics().remote_schedule_count();
  result.budget_forced_yield_count = shared.metrics().budget_forced_yield_count();
}

/// From the ids that the hook has seen to the program's own numbers.
void number_polls(const std::vector<std::uint64_t>& ids, ProgramResult& result) {
  std::unordered_map<std::uint64_t, std::uint64_t> number_of;  // looked up, never walked
  for (std::size_t i = 0; i < result.tasks.size(); ++i) number_of.emplace(result.tasks[i].id, i);
  for (const std::uint64_t id : ids) {
    const auto found = number_of.find(id);
    if (found != number_of.end()) result.polled.push_back(found->second);  // a turn that only cancels is no poll
  }
}

/// As SimDrive::run(), with dumps before the steps that were asked for.
SimResult play_with_dumps(SimDrive& drive, const std::function<void()>& start, std::uint64_t max_steps,
                          const std::vector<std::uint64_t>& dump_at, std::vector<DumpFigures>& dumps) {
  drive.outside(start);
  auto next = dump_at.begin();
  SimResult result;
  for (std::uint64_t step = 0; step < max_steps; ++step) {
    for (; next != dump_at.end() && *next <= step; ++next) {
      const DumpResult dump = drive.dump();
      DumpFigures& figures = dumps.emplace_back();
      figures.complete = dump.complete;
      for (const TraceEntry& task : dump.tasks) figures.ids.push_back(task.id);
    }
    result = drive.play(1);
    if (result.end != SimResult::End::step_limit) break;
  }
  drive.stop();
  return result;
}

}  // namespace

ProgramResult run_program(const Program& program, SimOptions options, std::uint64_t max_steps,
                          const std::vector<std::uint64_t>& dump_at) {
  check_program(program);
  auto run = std::make_shared<ProgramRun>(program);
  auto ids = std::make_shared<std::vector<std::uint64_t>>();
  options.scheduler.hooks.on_before_task_poll = [ids,
                                                 before = options.scheduler.hooks.on_before_task_poll](const TaskMeta& task) {
    ids->push_back(task.id);
    if (before) before(task);
  };
  SimDrive drive(std::move(options));
  ProgramResult result;
  const auto start = [&] { start_program(run); };
  result.sim = dump_at.empty() ? drive.run(start, max_steps) : play_with_dumps(drive, start, max_steps, dump_at, result.dumps);
  result.tasks = run->records();
  number_polls(*ids, result);
  read_figures(drive.shared(), result);
  return result;
}

ProgramResult run_program_sim(const Program& program, std::uint32_t workers, std::vector<std::uint8_t> schedule,
                              std::uint64_t seed, const std::vector<std::uint64_t>& dump_at) {
  SimOptions options;
  options.scheduler.workers = workers;
  options.scheduler.seed = seed;
  options.schedule = std::move(schedule);
  options.interleave = true;
  return run_program(program, std::move(options), 1'000'000, dump_at);
}

ProgramResult run_program_threads(const Program& program, std::uint32_t workers, std::uint64_t seed, Nanos timeout) {
  check_program(program);
  auto run = std::make_shared<ProgramRun>(program);
  SchedulerOptions options;
  options.workers = workers;
  options.seed = seed;
  const auto drive = ThreadDrive::start(options, {});
  {
    Context context;
    context.home = &drive->shared();
    const ContextScope scope(context);
    start_program(run);
  }
  ProgramResult result;
  const bool is_over = drive->wait_drained(steady_now() + timeout);
  result.sim.end = is_over ? SimResult::End::finished : SimResult::End::deadlock;
  drive->close();
  drive->wait_ended(no_deadline);
  result.tasks = run->records();
  read_figures(drive->shared(), result);
  return result;
}

}  // namespace rt
