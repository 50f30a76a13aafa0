#include "rt/drive/threads.hpp"

#include <stdexcept>
#include <thread>

#include "rt/env/os_thread.hpp"
#include "rt/task/lane.hpp"
#include "rt/task/poll.hpp"

namespace rt {
namespace {

constexpr Nanos slice = 20'000'000;  // how often a waiting thread asks whether to give up

/// Waits until `is_over` in short slices. The slice grows, so that a short wait is short and a long one costs nothing.
template <class IsOver>
bool wait_in_slices(Nanos deadline, const std::function<bool()>& give_up, IsOver&& is_over) {
  Nanos step = 50'000;
  Nanos next_question = steady_now() + slice;
  for (;;) {
    if (is_over()) return true;
    const Nanos now = steady_now();
    if (now >= deadline) return false;
    if (give_up && now >= next_question) {
      if (give_up()) return false;
      next_question = steady_now() + slice;
    }
    std::this_thread::sleep_for(std::chrono::nanoseconds(std::min(step, deadline - now)));
    step = std::min<Nanos>(2 * step, 5'000'000);
  }
}

ThreadOptions checked(ThreadOptions options) {
  // With none, a blocking job would wait for ever.
  if (options.max_blocking_threads == 0) {
    throw std::invalid_argument("max_blocking_threads=0; need at least 1; threads are made only when they are needed");
  }
  return options;
}

std::uint64_t seed_of(std::uint64_t seed) {
  if (seed != 0) return seed;
  return static_cast<std::uint64_t>(steady_now()) ^ (this_thread_id() << 16U);
}

}  // namespace

std::shared_ptr<ThreadDrive> ThreadDrive::start(const SchedulerOptions& options, ThreadOptions threads) {
  std::shared_ptr<ThreadDrive> drive(new ThreadDrive(checked(options, false), checked(std::move(threads))));
  for (std::uint32_t i = 0; i < options.workers; ++i) {
    drive->hand_off_[i].give(drive->workers_[i].get());
  }
  for (std::uint32_t i = 0; i < options.workers; ++i) {
    if (drive->pool_.submit_worker(i)) continue;
    drive->close();  // the workers that have a thread leave; the others' part is done by the last one's walk
    for (std::uint32_t missing = i; missing < options.workers; ++missing) {
      drive->shared_.leave_dumps(missing);
      drive->shared_.cores_gone.fetch_add(1, seq_cst);
    }
    throw std::runtime_error("could not start the thread of worker " + std::to_string(i) +
                             "; the system refuses more threads: ask for fewer workers");
  }
  return drive;
}

ThreadDrive::ThreadDrive(const SchedulerOptions& options, ThreadOptions threads)
    : threads_(std::move(threads)),
      started_at_(steady_now()),
      owner_(new Shared<ThreadEnv>(options, started_at_, IdSource::process())),
      shared_(*owner_),
      hand_off_(std::make_unique<HandOff<ThreadEnv, Worker<ThreadEnv>>[]>(options.workers)),
      pool_({options.workers + threads_.max_blocking_threads, threads_.keep_alive, threads_.name}, callbacks()) {
  shared_.drive = this;
  shared_.outside_clock = steady_now;
  shared_.outside_dice = [seed = seed_of(options.seed)](std::uint32_t n) {
    static std::atomic<std::uint64_t> next{0};
    thread_local Xorshift dice(SplitMix(seed + next.fetch_add(1, relaxed)).next());  // relaxed: any number will do
    return dice.below(n);
  };
  SplitMix seeds(seed_of(options.seed));
  for (std::uint32_t i = 0; i < options.workers; ++i) {
    workers_.push_back(std::make_unique<Worker<ThreadEnv>>(shared_, i, ThreadEnv::World(seeds.next())));
  }
}

ThreadDrive::~ThreadDrive() = default;

BlockingPool::Callbacks ThreadDrive::callbacks() {
  BlockingPool::Callbacks callbacks;
  callbacks.run = [this](const BlockingPool::Job& job) {
    if (job.task != nullptr)
      run_job(*job.task);
    else
      run_worker(job.worker);
  };
  callbacks.refuse = [this](Header& task) {
    Context context;
    context.home = &shared_;
    const ContextScope scope(context);
    const InLane lane(task.lane);  // who submits a Python job is in its lane
    shut_down_task(task);
    drop_reference(task);
  };
  callbacks.thread_start = [this](std::uint32_t worker) {
    name_this_thread(threads_.name + "-pool");
    if (shared_.options.hooks.on_thread_start) shared_.options.hooks.on_thread_start(worker);
  };
  callbacks.thread_stop = [this](std::uint32_t worker) {
    if (shared_.options.hooks.on_thread_stop) shared_.options.hooks.on_thread_stop(worker);
  };
  callbacks.keep_alive = [this] { return std::static_pointer_cast<void>(shared_from_this()); };
  return callbacks;
}

void ThreadDrive::run_worker(std::uint32_t index) {
  Worker<ThreadEnv>* core = hand_off_[index].claim();
  if (core == nullptr) return;  // the thread that blocked has taken it back already
  take_seat_name(index);
  if (threads_.pin) {
    const auto cpus = usable_cpus();
    pin_this_thread(cpus[index % cpus.size()]);
  }
  auto& remote = *shared_.remotes[index];
  remote.metrics.set_thread_id(threads_.thread_id ? threads_.thread_id() : this_thread_id());
  Seat<ThreadEnv> seat;
  const ContextScope scope(seat);
  core->sit_down(seat);
  for (bool seated = true; seated;) {
    const Verdict verdict = core->tick(seat);
    switch (verdict.kind) {
      case Verdict::Kind::again:
      case Verdict::Kind::probe: break;
      case Verdict::Kind::rest: remote.wake.wait(verdict.until); break;
      case Verdict::Kind::rendezvous: shared_.rendezvous.wait(core->attended_round(), verdict.until); break;
      case Verdict::Kind::busy:  // only virtual time keeps a poll open
      case Verdict::Kind::gone: seated = false; break;
    }
  }
}

void ThreadDrive::take_seat_name(std::uint32_t index) { name_this_thread(threads_.name + "-" + std::to_string(index)); }

void ThreadDrive::run_job(Header& job) {
  Context context;
  context.home = &shared_;
  const ContextScope scope(context);
  Lane* lane = job.lane;
  if (lane != nullptr) lane->enter();
  run_task(job);
  if (lane != nullptr) lane->leave();
}

void ThreadDrive::run_blocking(Header& job, Nanos) { pool_.submit(job); }

void ThreadDrive::block_in_place(const std::function<void()>& blocking, Nanos) {
  const HandedOver given = hand_over();
  try {
    blocking();
  } catch (...) {  // rethrown: a forced unwind passes too
    take_back(given);
    throw;
  }
  take_back(given);
}

HandedOver ThreadDrive::hand_over() {
  auto& seat = static_cast<Seat<ThreadEnv>&>(*current());
  Worker<ThreadEnv>* core = seat.core;
  const std::uint32_t index = core->index();
  const HandedOver given{core, seat.task, seat.budget};
  core->before_hand_over(seat);
  seat.budget.left = Budget::unlimited;
  hand_off_[index].give(core);
  if (pool_.submit_worker(index)) return given;
  take_back(given);
  throw std::runtime_error(
      "block_in_place: all " + std::to_string(shared_.options.workers + threads_.max_blocking_threads) +
      " threads are taken, nobody could run this worker meanwhile; raise max_blocking_threads or use spawn_blocking");
}

void ThreadDrive::take_back(const HandedOver& given) {
  auto& seat = static_cast<Seat<ThreadEnv>&>(*current());
  Worker<ThreadEnv>* core = hand_off_[given.worker->index()].claim();
  if (core == nullptr) return;  // a stand-in has it: this thread ends its task alone
  core->take_back(seat, given.task);
  seat.budget = given.budget;
}

DumpResult ThreadDrive::dump(Nanos limit) { return dump_on_thread(shared_, limit); }

void ThreadDrive::on_stopped() {
  // release: pairs with the acquire in wait_ended().
  stopped_.store(true, release);
}

bool ThreadDrive::wait_drained(Nanos deadline, const std::function<bool()>& give_up) {
  return wait_in_slices(deadline, give_up, [this] {
    // Jobs first: a task that is waited for may start one, but it lives until it has.
    return shared_.alive_tasks() == 0 && pool_.unfinished() == 0 && shared_.alive_tasks() == 0;
  });
}

void ThreadDrive::call_at(Nanos when, std::function<void()> call) {
  alarm_.call_at(when, [this, call = std::move(call)] {
    Context context;
    context.home = &shared_;
    const ContextScope scope(context);
    call();
  });
}

void ThreadDrive::close() {
  alarm_.stop();
  shared_.close();
  pool_.close(true);
}

bool ThreadDrive::wait_ended(Nanos deadline, const std::function<bool()>& give_up) {
  while (!pool_.wait_ended(give_up ? std::min(deadline, steady_now() + slice) : deadline)) {
    if (steady_now() >= deadline || (give_up && give_up())) return false;
  }
  return true;
}

}  // namespace rt
