// Who turns the workers in virtual time? One host thread plays all of them, each on its own clock.
//
// The driver always moves a worker whose clock is earliest; which one of several is a numbered choice (Chooser). The
// verdict says when that worker moves again: at once, after a span of work, or when a token or a timer wakes it. So
// what happens is a function of the options and the program: nothing here reads a clock, and nothing waits. The same
// worker is driven on real threads by threads.hpp.
// Invariant: no worker's clock is behind the time of the last move when it is moved (without `interleave`).
// Read next: sim_options.hpp, calendar.hpp (who is next), env/sim_env.hpp (clocks, choices, costs), sim_pool.hpp.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "rt/core/worker.hpp"
#include "rt/drive/calendar.hpp"
#include "rt/drive/call_queue.hpp"
#include "rt/drive/sim_options.hpp"
#include "rt/drive/sim_pool.hpp"

namespace rt {

/// What one move of the world was.
struct SimStep {
  enum class Action : std::uint8_t {
    poll,     // a task was polled
    work,     // a task that was in the middle of work() went on
    look,     // one victim was looked at, in vain
    turn,     // upkeep, or a look at the own queues and the timers
    rest,     // the worker lay down, or woke up for nothing
    stand,    // the worker stood still for a dump
    leave,    // the worker left: a shutdown
    outside,  // something from outside the workers: call_at, the end of a blocking job
  };
  static constexpr std::uint32_t nobody = StepNotes::nobody;
  Nanos now = 0;  // when it began
  Action action = Action::outside;
  std::uint32_t worker = nobody;
  std::uint64_t task = 0;  // the last one polled; 0: none
  std::uint32_t victim = nobody;
  std::uint32_t stolen = 0;
};

/// All functions: the thread that made it. A simulation cannot be started again once stop() was called.
class SimDrive final : public DriveFace, public WakeListener {
 public:
  /// Throws std::invalid_argument for options out of range.
  explicit SimDrive(SimOptions options);
  SimDrive(const SimDrive&) = delete;
  SimDrive& operator=(const SimDrive&) = delete;
  /// Stops, if nobody has.
  ~SimDrive();

  /// Calls `start`, which spawns the roots; plays until no task lives, or none can go on; stops.
  SimResult run(const std::function<void()>& start, std::uint64_t max_steps, Nanos until = no_deadline);

  /// The parts of run(), for those who look around in between. What `function` spawns comes from outside the workers.
  template <class F>
  decltype(auto) outside(F&& function) {
    Context context;
    context.home = &shared_;
    const ContextScope scope(context);
    return std::forward<F>(function)();
  }
  /// Until no task lives and no blocking job is open. What happens at `until` still happens, what comes later does not.
  SimResult play(std::uint64_t max_steps, Nanos until = no_deadline);
  /// Until all workers sleep and no timer is pending, whether tasks live or not.
  SimResult settle(std::uint64_t max_steps);
  /// One move. False if nobody can move.
  bool step();
  /// Publishes all workers' figures, which they do by themselves every so many turns and when they park.
  void publish() {
    for (Player& player : players_) player.core.publish();
  }
  /// The last move.
  [[nodiscard]] const SimStep& last_step() const { return last_step_; }
  /// Cancels what lives, and lets the workers leave. A poll that is inside work() is cut off there.
  void stop();

  /// Between two moves; plays on until the dump is there (core/DUMP.md). `limit` is virtual time.
  [[nodiscard]] DumpResult dump(Nanos limit = tuning::dump_limit_ns);

  [[nodiscard]] Shared<SimEnv>& shared() { return shared_; }
  [[nodiscard]] Worker<SimEnv>& worker(std::uint32_t index) { return players_[index].core; }
  [[nodiscard]] const SimPool& pool() const { return pool_; }
  /// The world's time: of the worker that moves, else of the last move.
  [[nodiscard]] Nanos now() const;
  /// When the next move comes; no_deadline: nothing can happen any more.
  [[nodiscard]] Nanos next_time() const;
  /// Every decision so far, if they are recorded.
  [[nodiscard]] const std::vector<Decision>& decisions() const { return common_.chooser.record(); }

  // ---- DriveFace ----
  void run_blocking(Header& job, Nanos cost) override;
  void block_in_place(const std::function<void()>& blocking, Nanos cost) override;
  void prolong(Nanos span) override;
  [[nodiscard]] bool is_ahead() const override { return apart_here_ != nullptr && apart_here_->until > now_; }
  void later(std::function<void()> effect) override;
  void on_stopped() override {}
  void call_at(Nanos when, std::function<void()> call) override;

  /// The thread that calls it plays from now on. Not while another one does.
  void adopt() { player_thread_ = std::this_thread::get_id(); }
  /// True if this thread has woken a task of a simulation that is not its own since it was last asked.
  [[nodiscard]] static bool had_foreign_wake();
  [[nodiscard]] bool takes_foreign_wake(Header& task, Ready how) override;

  // ---- WakeListener ----
  void on_wake(std::uint32_t worker) override;

 private:
  /// A virtual worker: its core, the seat that it never leaves, and when it moves next.
  struct Player {
    Player(Shared<SimEnv>& shared, std::uint32_t index, SimCommon& common, std::unique_ptr<Pace> own_pace)
        : pace(std::move(own_pace)), core(shared, index, SimEnv::World(common, index, pace.get())) {}
    std::unique_ptr<Pace> pace;  // null: as fast as the costs say
    Worker<SimEnv> core;
    Seat<SimEnv> seat;
    Nanos at = 0;
    Nanos token_at = 0;             // from when on its token counts
    std::vector<Fault> late_wakes;  // still to come, by time
    bool is_resting = false;
    bool is_waiting = false;  // in a dump's round
    bool is_working = false;  // inside work()
    bool is_gone = false;
  };

  /// A poll whose worker was handed on: its code has run on to the next wait, and its thread is busy with that for a while.
  struct Apart {
    Header* task;
    Nanos until;
  };

  void step_aside(Worker<SimEnv>& core, const HandedOver& given, Nanos cost);
  void seat_stand_in(Player& player);
  void go_on_apart(std::list<Apart>::iterator apart);
  void make_effects(Nanos up_to);
  void cut_apart();
  void add_player(std::uint32_t index);
  [[nodiscard]] std::vector<std::vector<std::uint32_t>> peers_by_distance(std::uint32_t thief) const;
  void take_foreign_wakes();
  void move(std::uint32_t index);
  void make_outside_call();
  void follow(Player& player, Verdict verdict);
  void note_step(Player& player, Verdict verdict, bool was_working, Nanos began);
  void enter_in_calendar(Player& player);
  void release_waiting();
  [[nodiscard]] Nanos delay_of_wake(Player& player);
  [[nodiscard]] SimResult result(SimResult::End end);

  const SimOptions options_;
  SimCommon common_;
  IdSource ids_{1};  // blocks of one: the numbers are a function of the arguments
  const std::unique_ptr<Shared<SimEnv>, RetireHome> owner_;
  Shared<SimEnv>& shared_;
  std::deque<Player> players_;
  Calendar calendar_;
  CallQueue outside_calls_;
  SimPool pool_;
  std::list<Apart> apart_;
  Apart* apart_here_ = nullptr;  // whose code runs now
  Nanos stand_in_at_ = 0;        // when the worker that it has left goes on
  Nanos owed_ = 0;               // what was spent within the function that blocks
  CallQueue effects_;            // what they have made ready, for its time
  Player* moving_ = nullptr;
  Nanos now_ = 0;  // of the last move
  Nanos last_step_ended_ = 0;
  Nanos last_poll_ended_ = 0;
  SimStep last_step_;
  std::uint32_t round_ = 0;  // of dumps; players wait for it to move on
  std::uint64_t steps_ = 0;
  /// Tasks alive, as far as the workers' own books say: may be too low, never 0 unnoticed.
  std::int64_t alive_ = 0;
  bool stopping_ = false;

  // Whatever another thread wakes waits here: nothing else of a simulation may be touched by two threads.
  std::thread::id player_thread_ = std::this_thread::get_id();
  std::mutex foreign_mutex_;
  std::vector<std::pair<Header*, Ready>> foreign_;  // under the mutex; a reference each
  std::atomic<bool> has_foreign_{false};
};

}  // namespace rt
