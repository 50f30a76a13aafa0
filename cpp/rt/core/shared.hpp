// What do all workers see, and what may outsiders do? The scheduler behind Home, without its workers.
//
// Shared owns what is reached from several threads: each worker's queue, wake slot and figures (Remote), the inject
// queue, the sleepers under a mutex, timers, the registry of tasks. A worker's own state is in Worker.
// Read next: worker.hpp (one step), idle.hpp with IDLE.md (who is woken), SHUTDOWN.md (the six steps).
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "rt/core/idle.hpp"
#include "rt/core/inject_shards.hpp"
#include "rt/core/local_queue.hpp"
#include "rt/core/options.hpp"
#include "rt/core/rendezvous.hpp"
#include "rt/observe/taskdump.hpp"
#include "rt/observe/timeline.hpp"
#include "rt/observe/worker_metrics.hpp"
#include "rt/task/context.hpp"
#include "rt/task/fork_stack.hpp"
#include "rt/task/home.hpp"
#include "rt/task/ids.hpp"
#include "rt/task/slots.hpp"
#include "rt/time/driver.hpp"

namespace rt {

/// What a driver (threads, simulation) does for the scheduler: all that could block or needs a thread.
class DriveFace {
 public:
  virtual void run_blocking(Header& job, Nanos cost) = 0;
  virtual void block_in_place(const std::function<void()>& blocking, Nanos cost) = 0;
  virtual HandedOver hand_over() { return {}; }
  virtual void take_back(const HandedOver&) {}
  /// Simulation: a wake on another thread than its own. It is taken over and happens between two steps; false on the own thread.
  [[nodiscard]] virtual bool takes_foreign_wake(Header&, Ready) { return false; }
  /// Simulation: the code that runs here, apart from any worker, is busy for so long.
  virtual void prolong(Nanos) {}
  /// Simulation: true if the code that runs here is ahead of the world, so what it makes ready has to wait: later() does it in time.
  [[nodiscard]] virtual bool is_ahead() const { return false; }
  virtual void later(std::function<void()>) {}
  /// See Home::call_at().
  virtual void call_at(Nanos when, std::function<void()> call) = 0;
  /// The last worker has left; nothing is queued and no task lives.
  virtual void on_stopped() = 0;

 protected:
  ~DriveFace() = default;
};

template <Environment Env>
class Worker;

template <Environment Env>
class Shared final : public Home, public DumpFace {
 public:
  using Queue = LocalQueue<Env, Header>;

  /// Tasks that were sent to one worker, until it takes them into its queue.
  struct Mailbox {
    typename Env::mutex mutex;
    Inject<Env, Header> queue;
    typename Inject<Env, Header>::Synced synced;  // under mutex
  };

  struct alignas(128) Remote {
    explicit Remote(const SchedulerOptions& options)
        : queue(options.policy, options.workers == 1),
          forks(tuning::fork_stack_capacity, options.workers == 1),
          metrics(WorkerMetrics::from_config(options.histograms)) {}
    Queue queue;
    ForkStack<ThreadEnv, Branch> forks;  // what the task that is polled here has forked and not begun
    typename Env::wake_slot wake;
    Worker<Env>* core = nullptr;  // set once, before the first worker runs; for a leader, while that worker stands still
    WorkerMetrics metrics;
    TaskCounts counts;
    Mailbox inbox;   // for this worker and no other (spawn_on)
    Mailbox placed;  // by a placement: a thief may take them from here
    /// Any thread; out of date as soon as it is read.
    [[nodiscard]] std::size_t stealable() const { return ready_tasks() + forks.len(); }
    [[nodiscard]] std::size_t ready_tasks() const { return queue.len() + placed.queue.len(); }
    /// 1 while a task is being polled.
    [[nodiscard]] std::size_t in_service() const { return metrics.in_poll_task.load(relaxed) != 0 ? 1 : 0; }  // relaxed: a figure
    [[nodiscard]] std::size_t load() const { return stealable() + inbox.queue.len() + in_service(); }
  };

  /// On the heap, and given up through RetireHome only: a wake from outside may still be in here when its runtime ends.
  Shared(const SchedulerOptions& options, Nanos now, IdSource& ids);

  // ---- Home ----
  void schedule(Header& task, Ready how) override;
  [[nodiscard]] std::uint64_t next_id() override;
  void submit_new(Header& task, const Destination& to) override;
  void submit_batch(Header& first, Header& last, std::size_t n) override;
  void submit_blocking(Header& job, Nanos cost) override;
  void ended(Header& task, Context* here) override;
  [[nodiscard]] Nanos now() override;
  [[nodiscard]] TimeDriver& timers() override { return timers_; }
  [[nodiscard]] SlotRegistry& slots() override { return *slots_; }
  [[nodiscard]] bool simulated() const override { return Env::simulated; }
  [[nodiscard]] bool forks_child_first() const override;
  void count_forced_yield() override { metrics_.inc_budget_forced_yield_count(); }
  void block_in_place(const std::function<void()>& blocking, Nanos cost) override;
  [[nodiscard]] HandedOver hand_over() override;
  void take_back(const HandedOver& given) override;
  void call_at(Nanos when, std::function<void()> call) override { drive->call_at(when, std::move(call)); }

  [[nodiscard]] DumpFace* dumps() override { return this; }
  // relaxed, all of these: a hint, which orders nothing
  void pause_workers() override { pauses_.fetch_add(1, relaxed); }
  void resume_workers() override { pauses_.fetch_sub(1, relaxed); }
  [[nodiscard]] bool is_paused() const { return pauses_.load(relaxed) != 0; }
  /// Until then, or until something changes. False: it is over.
  [[nodiscard]] bool wait_while_paused(Nanos until) {
    if constexpr (!Env::simulated) {
      const std::uint32_t pauses = pauses_.load(relaxed);
      if (pauses != 0) static_cast<void>(Env::wait_on(pauses_, pauses, until));
    }
    return is_paused();
  }

  // ---- DumpFace: worker/rendezvous.hpp ----
  void ask(std::shared_ptr<DumpRequest> request) override;
  void withdraw(const DumpRequest& request) override;
  void hurry(const DumpRequest& request) override;
  [[nodiscard]] Nanos dump_clock() override { return now(); }
  /// Who has closed a round.
  void lead_dump();
  void leave_dumps(std::uint32_t worker);
  void hold_dumps();
  void let_dumps_go_on();

  // ---- for workers and drivers ----
  /// As schedule(), by this worker, or by a thread that is none (null).
  void schedule_here(Header& task, Ready how, Worker<Env>* here);
  /// Before it is queued: what is to be known of a task that has become ready.
  void note_ready(Header& task, Ready how);
  /// When: on a worker by its quick clock.
  [[nodiscard]] Nanos ready_clock();
  /// Policy: there is one queue for all.
  [[nodiscard]] bool is_central() const { return is_central_; }
  /// Any thread. One task into inject; its reference is dropped, and the task ended, if inject is closed.
  void push_remote(Header& task);
  [[nodiscard]] bool push_if_open(Header& task);
  /// Any thread. The overflow of a local queue.
  void push(Header* task);
  void push_batch(Header* first, Header* last, std::size_t n);
  /// Any thread. Something was pushed where others can take it: wakes whom the policy says.
  void tell_of_push(bool by_worker);
  /// The same for n tasks at once.
  void tell_of_pushes(std::size_t n, bool by_worker);
  /// Any thread. Wakes one sleeper if nobody searches.
  void notify_parked();
  void notify_all();
  /// A new task goes on the books: counted and reported, and since when it is ready.
  void admit(Header& task, Context* context);
  /// Any thread. Puts a task into that worker's inbox, or among those placed there, and wakes that worker.
  void push_to_worker(Header& task, std::uint32_t worker, Mailbox Remote::* box);
  /// The look of a worker that parks, when nobody else searches: somebody may have pushed while it was leaving.
  void notify_if_work_pending();
  [[nodiscard]] bool has_stealable(const Remote& remote) const;

  /// Any thread. Refuses what comes from now on and wakes everybody up; true the first time.
  bool close();
  [[nodiscard]] bool is_closed() const { return closed_.load(seq_cst); }  // see close()

  // ---- figures ----
  [[nodiscard]] std::uint64_t spawned_tasks() const;
  [[nodiscard]] std::uint64_t alive_tasks() const;

  /// Any thread. Events go onto a new timeline from now on.
  std::shared_ptr<Timeline> start_timeline(std::size_t capacity);
  /// The calling worker's, or outside the workers.
  void record(EventKind kind, std::uint64_t task, std::uint64_t count = 0) {
    if constexpr (timeline) {
      if (timelines.is_on()) [[unlikely]]
        record_now(kind, task, count);
    }
  }
  TimelineSwitch timelines;

  DriveFace* drive = nullptr;  // set once, before the first worker runs
  const SchedulerOptions options;
  std::vector<std::unique_ptr<Remote>> remotes;
  InjectShards<Env, Header> inject;
  typename Env::mutex mutex;  // of the sleepers
  Idle<Env> idle;
  typename Idle<Env>::Synced idle_synced;  // under mutex
  Rendezvous<Env, DumpRequest> rendezvous;
  std::atomic<std::uint32_t> cores_gone{0};                  // shutdown, step 5
  std::function<Nanos()> outside_clock;                      // the world's time where no worker is
  std::function<std::uint32_t(std::uint32_t)> outside_dice;  // [0, n) where no worker is; any thread
  /// policy victims="nearest": each worker's peers by distance, in groups of equal ones.
  std::function<std::vector<std::vector<std::uint32_t>>(std::uint32_t)> peers_by_distance;

  [[nodiscard]] SchedulerMetrics& metrics() { return metrics_; }
  [[nodiscard]] IdSource& ids() { return ids_; }

 private:
  [[nodiscard]] Context* own_context() const {
    Context* context = current();
    return context != nullptr && context->home == this ? context : nullptr;
  }

  /// Of a context of ours, or of null: its worker. Every worker of ours is a Worker<Env>.
  [[nodiscard]] static Worker<Env>* own_worker(Context* context) {
    return context != nullptr ? static_cast<Worker<Env>*>(context->worker) : nullptr;
  }

  [[gnu::noinline]] void schedule_remote(Header& task);
  [[gnu::noinline]] void record_now(EventKind kind, std::uint64_t task, std::uint64_t count);
  [[gnu::noinline]] static void tell_hook(const std::function<void(const TaskMeta&)>& hook, const Header& task) {
    hook(describe(task));
  }
  [[gnu::noinline]] void refuse_new(Header& task);
  [[gnu::noinline]] void start_elsewhere(Header& task, const Destination& to, Worker<Env>* here);
  void start_batch_elsewhere(Header& first, Header& last, std::size_t n);
  void push_new_batch(Header& first, Header& last, std::size_t n);
  [[nodiscard]] std::uint32_t choose(Worker<Env>* here, std::uint32_t n);
  /// For the placements random and jsq.
  [[nodiscard]] std::uint32_t pick_worker(const Placement& placement, Worker<Env>* here);
  [[nodiscard]] std::uint32_t producer();
  void charge_push(std::uint32_t from);
  void wake(std::optional<std::uint32_t> worker);

  /// For a dump's ages, on threads that are no workers; it may be a kernel's tick behind, as a worker's last_clock() may be.
  [[nodiscard]] Nanos birth_clock() const {
    if constexpr (Env::simulated) return outside_clock();
    return coarse_now();
  }

  void write_dump(TraceBook& book);
  void requeue_woken(Header* task);
  void follow(Attendance attendance);
  void recall(const Header& woken);

  IdSource& ids_;
  SlotRegistry* slots_;
  TimeDriver timers_;
  SchedulerMetrics metrics_;
  TaskCounts outside_counts_;
  std::atomic<bool> closed_{false};
  typename Env::template atomic<std::uint32_t> pauses_{0};
  const bool is_central_;
  const bool starts_local_;
  std::uint32_t next_producer_ = 0;  // simulation: each push from outside is another producer's
};

}  // namespace rt
