#include "rt/workload/program.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>

#include "rt/sync/channel.hpp"
#include "rt/sync/event.hpp"
#include "rt/sync/lock.hpp"
#include "rt/task/blocking.hpp"
#include "rt/task/poll.hpp"
#include "rt/task/spawn.hpp"
#include "rt/time/driver.hpp"

namespace rt {

struct ProgramRun::Objects {
  struct Pipe {
    explicit Pipe(std::size_t capacity) : Pipe(channel<char>(capacity)) {}
    explicit Pipe(std::pair<Sender<char>, Receiver<char>> ends) : in(std::move(ends.first)), out(std::move(ends.second)) {}
    Sender<char> in;
    Receiver<char> out;
  };
  std::vector<Event> events;
  std::vector<Lock> locks;
  std::vector<Pipe> pipes;
};

namespace {

[[noreturn]] void refuse(std::size_t task, std::size_t at, const std::string& why) {
  throw std::invalid_argument("task " + std::to_string(task) + ", instruction " + std::to_string(at) + ": " + why);
}

/// What one task may name: its children from their spawn to their join, and the locks that it holds.
struct Scope {
  std::set<std::uint64_t> children;
  std::set<std::uint64_t> locks;
};

void check_op(const Program& program, std::size_t task, std::size_t at, Scope& scope, std::vector<bool>& is_spawned) {
  const Op& op = program.tasks[task][at];
  const std::string arg = std::to_string(op.arg);
  switch (op.kind) {
    case OpKind::spawn:
      if (op.arg < 1 || op.arg >= program.tasks.size()) {
        refuse(task, at, "spawn of task " + arg + "; need 1.." + std::to_string(program.tasks.size() - 1));
      }
      if (is_spawned[op.arg]) refuse(task, at, "task " + arg + " is spawned elsewhere; add a copy of it");
      is_spawned[op.arg] = true;
      scope.children.insert(op.arg);
      break;
    case OpKind::join:
      if (scope.children.erase(op.arg) == 0) refuse(task, at, "join of task " + arg + "; spawn it before, and join it once");
      break;
    case OpKind::cancel:
      if (!scope.children.contains(op.arg)) refuse(task, at, "cancel of task " + arg + "; spawn it before, join it after");
      break;
    case OpKind::notify:
    case OpKind::wait:
    case OpKind::lock:
    case OpKind::unlock:
    case OpKind::send:
    case OpKind::recv:
      if (op.arg >= Program::most_objects) {
        refuse(task, at, "number " + arg + "; need 0.." + std::to_string(Program::most_objects - 1));
      }
      if (op.kind == OpKind::lock && !scope.locks.insert(op.arg).second) refuse(task, at, "lock " + arg + " is held already");
      if (op.kind == OpKind::unlock && scope.locks.erase(op.arg) == 0) refuse(task, at, "lock " + arg + " is not held");
      break;
    case OpKind::work:
    case OpKind::yield:
    case OpKind::sleep:
    case OpKind::block: break;
    case OpKind::count: refuse(task, at, "no such instruction"); break;
  }
}

/// How many objects the program names with these two instructions.
std::size_t objects_of(const Program& program, OpKind one, OpKind other) {
  std::size_t most = 0;
  for (const auto& ops : program.tasks) {
    for (const Op& op : ops) {
      if (op.kind == one || op.kind == other) most = std::max<std::size_t>(most, op.arg + 1);
    }
  }
  return most;
}

/// Lies in a task's frame from before its first poll to its end, and writes down how it left. It keeps the run that the record is in:
/// compilers differ in which parameter of a coroutine they destroy first.
class Mark {
 public:
  Mark(std::shared_ptr<TaskRecord> record, workload::Ticket&& ticket) : record_(std::move(record)), ticket_(std::move(ticket)) {}
  Mark(Mark&& other) noexcept = default;
  Mark& operator=(Mark&&) = delete;
  ~Mark() {
    if (record_ == nullptr) return;
    record_->finished = is_at_end_;
    record_->cancelled = !is_at_end_;
    if (task_ != nullptr) record_->polls = task_->polls.load(relaxed);  // relaxed: its poller was the last to write it
    if (is_at_end_) ticket_.add_credit();
  }

  void start() {
    task_ = current()->task;
    record_->started = true;
    record_->id = task_->id;
  }
  void reach_end() { is_at_end_ = true; }

  /// For a task that this one spawns: a ticket of the same countdown, if there is one.
  [[nodiscard]] workload::Ticket another_ticket() {
    if (!ticket_) return {};
    ticket_.grow();
    return ticket_.split();
  }

 private:
  std::shared_ptr<TaskRecord> record_;  // null: moved from
  Header* task_ = nullptr;
  bool is_at_end_ = false;
  workload::Ticket ticket_;
};

using Children = std::map<std::uint64_t, JoinHandle<void>>;
using Held = std::map<std::uint64_t, Permit<Lock>>;

}  // namespace

/// The instructions as a coroutine; a friend of the run.
struct ProgramTask {
  static Task<void> body(std::shared_ptr<ProgramRun> run, std::uint64_t index, Mark mark);
  static Coro<void> wait_op(ProgramRun& run, Op op, Children& children, Held& held);
  static void plain_op(ProgramRun& run, Op op, Children& children, Held& held);
  static JoinHandle<void> start(const std::shared_ptr<ProgramRun>& run, std::uint64_t index, workload::Ticket&& ticket) {
    std::shared_ptr<TaskRecord> record(run, &run->records_[index]);
    return spawn(&ProgramTask::body, run, index, Mark(std::move(record), std::move(ticket)));
  }
};

/// Instructions that may suspend.
Coro<void> ProgramTask::wait_op(ProgramRun& run, Op op, Children& children, Held& held) {
  if (op.kind == OpKind::work) {
    Work busy(op.arg);
    co_await busy;
  } else if (op.kind == OpKind::yield) {
    YieldNow pause;
    co_await pause;
  } else if (op.kind == OpKind::sleep) {
    Sleep rest = sleep_for(op.arg);
    co_await rest;
  } else if (op.kind == OpKind::wait) {
    EventLeaf leaf = run.objects_->events[op.arg].wait();
    co_await leaf;
  } else if (op.kind == OpKind::lock) {
    AcquireLeaf leaf = run.objects_->locks[op.arg].acquire();
    co_await leaf;
    held.emplace(op.arg, Permit<Lock>(run.objects_->locks[op.arg]));
  } else if (op.kind == OpKind::send) {
    auto leaf = run.objects_->pipes[op.arg].in.send('x');
    co_await leaf;
  } else if (op.kind == OpKind::recv) {
    auto leaf = run.objects_->pipes[op.arg].out.recv();
    static_cast<void>(co_await leaf);
  } else if (op.kind == OpKind::block) {
    const Nanos spins = current()->home->simulated() ? 0 : op.arg;
    BlockInPlace blocking([spins] { spin_for(spins); }, op.arg);
    co_await blocking;
  } else if (op.kind == OpKind::join) {
    auto child = children.extract(op.arg);
    try {
      co_await std::move(child.mapped());
    } catch (const Cancelled&) {  // an end like another
    }
  }
}

void ProgramTask::plain_op(ProgramRun& run, Op op, Children& children, Held& held) {
  if (op.kind == OpKind::cancel) children.at(op.arg).cancel();
  if (op.kind == OpKind::notify) run.objects_->events[op.arg].set();
  if (op.kind == OpKind::unlock) held.erase(op.arg);
}

Task<void> ProgramTask::body(std::shared_ptr<ProgramRun> run, std::uint64_t index, Mark mark) {
  mark.start();
  if (!run->adopt(*current()->task)) co_return;
  Children children;
  Held held;
  for (const Op op : run->program_.tasks[index]) {
    switch (op.kind) {
      case OpKind::work:
      case OpKind::yield:
      case OpKind::sleep:
      case OpKind::wait:
      case OpKind::lock:
      case OpKind::send:
      case OpKind::recv:
      case OpKind::block:
      case OpKind::join: {
        Coro<void> waiting = wait_op(*run, op, children, held);
        co_await std::move(waiting);
        break;
      }
      case OpKind::spawn: children.emplace(op.arg, start(run, op.arg, mark.another_ticket())); break;
      default: plain_op(*run, op, children, held);
    }
  }
  mark.reach_end();
}

Program program_from_rows(std::uint64_t tasks, const std::vector<std::int64_t>& rows) {
  constexpr std::uint64_t most_tasks = 1'000'000;
  if (tasks < 1 || tasks > most_tasks) {
    throw std::invalid_argument("tasks=" + std::to_string(tasks) + "; need 1.." + std::to_string(most_tasks));
  }
  if (rows.size() % 3 != 0) throw std::invalid_argument("rows of a program have three numbers: task, kind, arg");
  Program program;
  program.tasks.resize(tasks);
  for (std::size_t i = 0; i < rows.size(); i += 3) {
    const auto [task, kind, arg] = std::tuple(rows[i], rows[i + 1], rows[i + 2]);
    const std::string where = "row " + std::to_string(i / 3) + ": ";
    if (task < 0 || static_cast<std::uint64_t>(task) >= tasks) {
      throw std::invalid_argument(where + "task " + std::to_string(task) + "; need 0.." + std::to_string(tasks - 1));
    }
    if (kind < 0 || kind >= static_cast<std::int64_t>(OpKind::count)) {
      throw std::invalid_argument(where + "kind " + std::to_string(kind) + "; need 0.." +
                                  std::to_string(static_cast<int>(OpKind::count) - 1));
    }
    if (arg < 0) throw std::invalid_argument(where + "arg " + std::to_string(arg) + "; need 0 or more");
    program.tasks[static_cast<std::size_t>(task)].push_back({static_cast<OpKind>(kind), static_cast<std::uint64_t>(arg)});
  }
  check_program(program);
  return program;
}

void check_program(const Program& program) {
  if (program.tasks.empty()) throw std::invalid_argument("a program needs at least one task, its root");
  std::vector<bool> is_spawned(program.tasks.size(), false);
  for (std::size_t task = 0; task < program.tasks.size(); ++task) {
    Scope scope;
    for (std::size_t at = 0; at < program.tasks[task].size(); ++at) check_op(program, task, at, scope, is_spawned);
  }
}

ProgramRun::ProgramRun(Program program)
    : program_(std::move(program)), records_(program_.tasks.size()), objects_(std::make_unique<Objects>()) {
  objects_->events.resize(objects_of(program_, OpKind::notify, OpKind::wait));
  objects_->locks.resize(objects_of(program_, OpKind::lock, OpKind::unlock));
  const std::size_t pipes = objects_of(program_, OpKind::send, OpKind::recv);
  for (std::size_t i = 0; i < pipes; ++i) objects_->pipes.emplace_back(program_.channel_capacity);
}

ProgramRun::~ProgramRun() {
  for (Header* task : begun_) drop_reference(*task);
}

bool ProgramRun::adopt(Header& task) {
  const std::scoped_lock lock(mutex_);
  if (is_stopped_) return false;
  task.state.add_ref();
  begun_.push_back(&task);
  return true;
}

void ProgramRun::stop() {
  std::vector<Header*> begun;
  {
    const std::scoped_lock lock(mutex_);
    is_stopped_ = true;
    begun.swap(begun_);
  }
  for (Header* task : begun) {
    shut_down_task(*task);
    drop_reference(*task);
  }
}

void start_program(const std::shared_ptr<ProgramRun>& run) {
  const JoinHandle<void> root = ProgramTask::start(run, 0, {});  // dropped: it goes on alone
}

namespace workload {
namespace {

using ProgramOwner = Owner<Countdown>;

/// Stops a run that is dropped before its end.
class StopAtExit {
 public:
  explicit StopAtExit(std::shared_ptr<ProgramRun> run) : run_(std::move(run)) {}
  StopAtExit(const StopAtExit&) = delete;
  StopAtExit& operator=(const StopAtExit&) = delete;
  ~StopAtExit() { run_->stop(); }

 private:
  std::shared_ptr<ProgramRun> run_;
};

Program program_of(const Workload& workload) {
  const auto& rows = workload.arrays[0];
  Program result = program_from_rows(static_cast<std::uint64_t>(workload.ints[0]), {rows.begin(), rows.end()});
  result.channel_capacity = static_cast<std::uint64_t>(workload.ints[1]);
  return result;
}

}  // namespace

Task<std::int64_t> program(WorkloadPtr workload) {
  auto run = std::make_shared<ProgramRun>(program_of(*workload));
  ProgramOwner owner(std::make_unique<Countdown>());
  const StopAtExit stop(run);
  const JoinHandle<void> root = ProgramTask::start(run, 0, owner.issue(1));
  run.reset();
  Drained drained(owner);
  co_return co_await drained;
}

void check_program(const Workload& workload) {
  if (workload.arrays.size() != 1) throw std::invalid_argument("program: need one array, the rows");
  static_cast<void>(program_of(workload));
}

}  // namespace workload

}  // namespace rt
