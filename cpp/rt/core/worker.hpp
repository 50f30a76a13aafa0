// One step of one worker: the scheduler's heart.
//
// tick() never blocks, sleeps or makes a thread: what to do next is its return value, and a driver (drive/threads.hpp,
// drive/simulate.hpp) does it. A Worker is Tokio's Core: the state that moves to another thread in block_in_place. The
// thread's side is the Seat; after a poll the core may have left this seat, so the code asks the seat before it touches
// the worker again.
// Read next, in the order of a tick: worker/tick.hpp, pick.hpp, run.hpp, search.hpp, rest.hpp, upkeep.hpp, wake.hpp,
// forks.hpp, rendezvous.hpp.
#pragma once

#include <cstdint>
#include <vector>

#include "rt/core/lifo_slot.hpp"
#include "rt/core/shared.hpp"
#include "rt/core/verdict.hpp"
#include "rt/observe/batch.hpp"
#include "rt/policy/victims.hpp"
#include "rt/task/branch.hpp"
#include "rt/task/poll.hpp"

namespace rt {

template <Environment Env>
class Worker;

/// A thread (in a simulation: a virtual one) that turns a worker.
template <Environment Env>
struct Seat : Context {
  Worker<Env>* core = nullptr;
  std::uint32_t lane_polls = 0;
  Nanos lane_since = 0;
};

template <Environment Env>
class Worker final : public WorkerFace {
 public:
  using World = typename Env::World;

  Worker(Shared<Env>& shared, std::uint32_t index, World world);
  ~Worker();

  /// Before the first tick on a thread.
  void sit_down(Seat<Env>& seat);
  /// One step. May throw only a forced unwind of the thread.
  Verdict tick(Seat<Env>& seat);

  /// block_in_place, on the seat that gives the core away: leaves nothing here that only this thread would look after.
  void before_hand_over(Seat<Env>& seat);
  /// The same seat got its core back before anybody else took it: the turn goes on in the middle of this task's poll.
  void take_back(Seat<Env>& seat, Header* task);
  /// A simulation that is given up: ends the task that is inside work(), if there is one, and with it the turn.
  void cut_open_poll(Seat<Env>& seat);

  // ---- WorkerFace: for code that is being polled here ----
  void schedule_local(Header& task, bool is_yield) override;
  void run_next(Header& task) override;
  /// As schedule_local(), n tasks in this order; the chain ends with `last`.
  void schedule_batch(Header& first, Header& last, std::size_t n);
  void defer(Header& task) override;
  void busy_until(Nanos until) override { busy_until_ = until; }
  [[nodiscard]] Nanos now() const override { return world_.now(); }
  [[nodiscard]] Nanos quick_now() const { return world_.quick_now(); }
  [[nodiscard]] Nanos last_clock() const override { return Env::simulated ? world_.now() : poll_clock(); }
  [[nodiscard]] std::uint32_t index() const override { return index_; }
  [[nodiscard]] std::uint32_t choose(std::uint32_t n) override { return world_.choose(n); }

  /// A leader, while this worker stands still.
  void show_to(TraceBook& book);

  // worker/forks.hpp
  void share_forks() override;
  void release_forks() override;
  [[nodiscard]] bool keeps_on(Header& task) override;
  [[nodiscard]] std::uint32_t forks_between_looks() const override;
  void charge_forks(std::uint32_t branches) override { world_.charge(Cost::push, branches); }

  // ---- for drivers and tests ----
  /// After the verdict rendezvous.
  [[nodiscard]] std::uint32_t attended_round() const { return attending_.round; }
  [[nodiscard]] World& world() { return world_; }
  /// Onto the timeline, if one is being written.
  void record(EventKind kind, std::uint64_t task = 0, std::uint32_t other = TimelineEvent::nobody, std::uint64_t count = 0) {
    if constexpr (timeline) {
      if (recorder_ != nullptr) write_record(kind, task, other, count);
    }
  }
  /// The same for what each task does: polls, and events without other fields, whose `count` is 0 or 1.
  void record_poll_begin(std::uint64_t task);
  void record_poll_end();
  template <EventKind kind>
  void record_short(std::uint64_t task, std::uint32_t count = 0);
  /// The end of a poll may be told by the next record alone: not if that could be long after it, or in another timeline.
  void settle_record() {
    if constexpr (timeline) {
      if (recorder_ != nullptr) recorder_->settle();
    }
  }
  [[nodiscard]] bool is_searching() const { return is_searching_; }
  /// Between two ticks: publishes what it has counted so far.
  void publish() { batch_.submit(remote_.metrics); }
  /// Any thread, where thieves may take from it.
  [[nodiscard]] bool has_stealable_slot() const { return lifo_.looks_full(); }
  [[nodiscard]] std::size_t deferred() const {
    std::size_t n = 0;
    for (const Header* task = deferred_; task != nullptr; task = task->queue_next) ++n;
    return n;
  }

 private:
  using Remote = typename Shared<Env>::Remote;
  using Mailbox = typename Shared<Env>::Mailbox;

  void occupy(Seat<Env>& seat);
  static void vacate(Seat<Env>& seat);

  // worker/forks.hpp
  void occupy_forks(Seat<Env>& seat);
  [[nodiscard]] bool is_stack_used_up() const;

  // worker/record.hpp
  void follow_timeline();
  [[gnu::noinline]] void write_record(EventKind kind, std::uint64_t task, std::uint32_t other, std::uint64_t count);

  // worker/pick.hpp
  Header* pick();
  Header* next_local();
  [[gnu::noinline]] Header* next_remote();
  [[gnu::noinline]] Header* next_from_elsewhere();
  Header* take_inject_batch();
  void charge_inject();
  void take_mail();
  static Header* take_all_from(Mailbox& box, std::size_t most);
  [[nodiscard]] bool has_tasks() const;

  // worker/run.hpp
  Verdict run(Header& task, Seat<Env>& seat);
  Verdict poll_chain(Header* task, Seat<Env>& seat);
  Verdict go_on_polling(Seat<Env>& seat);
  Header* close_poll(Seat<Env>& seat);
  [[gnu::noinline]] Verdict leave_turn_to_another(Seat<Env>& seat);
  Polled poll_one(Header& task, Seat<Env>& seat);
  [[gnu::noinline]] Polled poll_watched(Header& task, Seat<Env>& seat);
  Polled poll_counted(Header& task, Seat<Env>& seat);
  Polled poll_with_hooks(Header& task, Seat<Env>& seat);
  Header* next_in_chain(Seat<Env>& seat);
  void end_turn(Seat<Env>& seat);
  [[gnu::noinline]] void enter_lane_of(const Header& task, Seat<Env>& seat);
  template <class Wait>
  void wait_for_lane(Seat<Env>& seat, const Lane& lane, Wait&& wait);
  static void leave_lane(Seat<Env>& seat);
  void push_back(Header& task);
  void push_back(Header* chain, std::size_t n);
  [[gnu::noinline]] void push_back_slowly(Header& task);

  // worker/wake.hpp
  bool put(Header& task, bool is_yield);
  bool put_chain(Header& first, Header& last, std::size_t n);

  // worker/search.hpp
  [[gnu::noinline]] Verdict start_search(Seat<Env>& seat);
  [[gnu::noinline]] Verdict search(Seat<Env>& seat);
  Verdict look_at_inject(Seat<Env>& seat);
  Header* steal_from(std::uint32_t victim);
  [[nodiscard]] bool is_worth_stealing_from(const Remote& victim) const;
  Header* steal_also_placed(Remote& victim, std::uint32_t& stolen);
  Header* steal_lifo_slot(Remote& victim, std::uint32_t& stolen);
  Header* steal_branch(Remote& victim, std::uint32_t& stolen);
  [[nodiscard]] bool may_steal_slots() const;
  [[nodiscard]] bool start_searching();
  [[gnu::noinline]] void leave_search();

  // worker/rest.hpp
  [[gnu::noinline]] Verdict lie_down(Seat<Env>& seat);
  [[gnu::noinline]] Verdict rest();
  [[gnu::noinline]] bool may_get_up();
  void poll_driver();
  void look_at_timers();
  void wake_deferred();
  [[gnu::noinline]] void wake_deferred_elsewhere();

  // worker/rendezvous.hpp
  [[nodiscard]] bool wants_to_attend();
  [[gnu::noinline]] Verdict attend(Seat<Env>& seat);
  [[nodiscard]] Nanos attend_until();
  bool fires_timers_outside();
  void take_needless_token();
  [[nodiscard]] bool has_reason_to_get_up();
  Verdict rest_again();

  // worker/upkeep.hpp
  [[gnu::noinline]] void upkeep(Seat<Env>& seat);
  void publish_and_look_around();
  [[gnu::noinline]] void rest_while_paused(Seat<Env>& seat);
  [[gnu::noinline]] void retune();
  [[gnu::noinline]] Verdict leave(Seat<Env>& seat);
  void cancel_owned(Seat<Env>& seat, std::size_t part, std::size_t parts);
  void let_go_of_own(Seat<Env>& seat);
  void clear_queues(Seat<Env>& seat);
  void drop_queued(Header* task, Seat<Env>& seat);

  [[nodiscard]] const Policy& policy() const { return shared_.options.policy; }
  [[nodiscard]] Nanos poll_clock() const { return batch_.needs_clock() ? world_.quick_now() : batch_.clock(); }
  /// For a turn that begins. If it follows another one at once, that one's end will do: to pick a task takes less than to read a clock.
  [[nodiscard]] Nanos turn_clock() const { return follows_a_turn_ ? batch_.clock() : poll_clock(); }

  Shared<Env>& shared_;
  Remote& remote_;
  const std::uint32_t index_;

  // Touched by every tick.
  std::uint32_t tick_ = 0;
  std::uint32_t global_interval_;
  std::uint32_t until_upkeep_;  // turns; counted down, since a division each turn would be felt
  LifoSlot<Env, Header> lifo_;
  Header* deferred_ = nullptr;          // the last one that gave way; the others behind it, by queue_next
  Timeline::Lane* recorder_ = nullptr;  // of the timeline, if one is being written
  bool lifo_enabled_;
  bool is_searching_ = false;
  bool is_shutdown_ = false;
  const bool has_poll_hook_;
  bool is_resting_ = false;
  bool is_traced_ = false;  // a dump was asked for, or is being made
  bool in_driver_ = false;  // timers and deferred wakes come in batches: one notification follows them
  bool has_baton_ = false;
  bool may_search_ = true;  // policy retry=False: it has run something since its last search
  const std::uint32_t turn_budget_;
  MetricsBatch batch_;
  const bool is_watched_;        // a hook or a clock belongs to each poll
  bool follows_a_turn_ = false;  // nothing but a look into the own queue has come since the last turn's end was timed

  // An open turn (simulation: a poll inside work()).
  Header* open_task_ = nullptr;
  std::uint32_t lifo_polls_ = 0;
  Nanos busy_until_ = 0;

  // An open search.
  VictimSearch victims_;
  bool search_open_ = false;
  std::uint32_t sweeps_left_ = 0;    // before it lies down
  std::uint32_t failed_passes_ = 0;  // searches in a row that found nothing

  std::uintptr_t stack_at_ = 0;  // where the thread's stack was when it took this core

  // A dump, and the sleep that it interrupted.
  Attendance attending_;
  Nanos arrived_at_ = 0;
  Nanos rest_until_ = no_deadline;

  // The timeline that this worker writes to.
  std::uint32_t timeline_epoch_ = 0;
  std::shared_ptr<Timeline> timeline_;

  World world_;
  SlotCache slots_;
  IdBlock ids_;
};

}  // namespace rt
