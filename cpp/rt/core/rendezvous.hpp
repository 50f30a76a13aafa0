// Where do all workers stand still at once, so that a dump can be made, and who makes it?
//
// Rounds, one after the other, each with a number. A round opens with a request and gathers workers; it is closed once: by
// the last worker to arrive (complete), or by the first who finds its time over (incomplete). Whoever closes it leads: it
// alone looks at what the present workers own, serves the requests, and ends the round; only then do they go on.
// Invariants: at most one leader at a time (law S23); a worker that is present in a round stays until the round is over;
// one that comes late is not present and passes on. DUMP.md says why it is right and how others were broken.
// Explored in tests/cpp/model/rendezvous_test.cpp. Read next: worker/rendezvous.hpp (the worker's and the leader's steps).
#pragma once

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "rt/env/environment.hpp"

namespace rt {
using enum std::memory_order;

/// What somebody is to do in a round.
struct Attendance {
  enum class Part : std::uint8_t {
    none,  // there is no round for you, or it is over
    wait,  // until the round is over, or until `until`
    lead,  // you have closed it: make the dump, and then finish()
  };
  Part part = Part::none;
  std::uint32_t round = 0;
  Nanos until = no_deadline;
};

/// Request has: `Nanos deadline`; `void serve(const Result&)`, called once, before tell(); `void tell()`, called once after
/// it, without a lock, by the thread that led; `bool take_back(const Waiting&)`, called under our lock: true if it is that one's,
/// which asks again if it still wants a dump. A request that was withdrawn may still be served.
template <Environment Env, class Request>
class Rendezvous {
 public:
  using Requests = std::vector<std::shared_ptr<Request>>;
  using Part = Attendance::Part;

  explicit Rendezvous(std::uint32_t workers)
      : workers_(workers), present_(std::make_unique<Flag[]>(workers)), gone_(std::make_unique<Flag[]>(workers)) {}
  Rendezvous(const Rendezvous&) = delete;
  Rendezvous& operator=(const Rendezvous&) = delete;

  /// Any thread, no lock: a round gathers workers.
  [[nodiscard]] bool is_open() const {
    // acquire: pairs with set_phase(); who was woken for the round, by a lock or a token, sees that it is open.
    return open_.load(acquire);
  }
  /// Any thread, no lock: the number of the round that is going on, or comes next.
  [[nodiscard]] std::uint32_t round() const {
    // acquire: pairs with end_locked(); a worker that sees its round over sees its queue as the leader left it.
    return round_.load(acquire);
  }

  // ---- who wants a dump: any thread ----

  /// The request will be served by a round that closes after this. wait: a round has opened, so the caller wakes those who sleep.
  /// none: another request has opened it, or one is being led, and its leader will open the next. lead: no worker is left to come.
  [[nodiscard]] Attendance ask(std::shared_ptr<Request> request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
    return phase_ == Phase::idle ? open_locked() : Attendance{};
  }

  /// The requester goes away. lead: nobody wants this round any more, and it is the caller's to finish().
  [[nodiscard]] Attendance withdraw(const Request& request) {
    const std::lock_guard lock(mutex_);
    return give_up_locked([&](const Request& other) { return &other == &request; });
  }

  /// Somebody was woken, and may have asked: what woke it (a cancellation, a deadline) is not to wait for our limit. As withdraw().
  template <class Waiting>
  [[nodiscard]] Attendance recall(const Waiting& woken) {
    const std::lock_guard lock(mutex_);
    return give_up_locked([&](Request& request) { return request.take_back(woken); });
  }

  /// At a requester's own limit, once. lead: the round still gathered; what is there has to do. none: the dump is being made, or
  /// the one before is, and then the next round does not gather at all.
  [[nodiscard]] Attendance close_for(const Request& request) {
    const std::lock_guard lock(mutex_);
    const bool waits =
        std::any_of(requests_.begin(), requests_.end(), [&](const auto& other) { return other.get() == &request; });
    if (!waits) return {};
    if (phase_ == Phase::gathering) return close_locked();
    hurried_ = &request;
    return {};
  }

  /// Who wakes the sleepers, about one of them: it is here already, and needs no token.
  [[nodiscard]] bool has_arrived(std::uint32_t worker) {
    const std::lock_guard lock(mutex_);
    return phase_ != Phase::idle && present_[worker].get();
  }

  // ---- workers ----

  /// Worker, between two turns, in no lane.
  [[nodiscard]] Attendance arrive(std::uint32_t worker, Nanos now) {
    const std::lock_guard lock(mutex_);
    if (phase_ != Phase::gathering) return {};  // too late, or it was withdrawn
    assert(!present_[worker].get() && !gone_[worker].get());
    present_[worker].set(true);
    ++arrived_;
    return all_here() || now >= deadline_ ? close_locked() : here(Part::wait);
  }

  /// A worker that is present in `round`, after each wait.
  [[nodiscard]] Attendance look_again(std::uint32_t round, Nanos now) {
    if (this->round() != round) return {};
    const std::lock_guard lock(mutex_);
    if (own_round() != round) return {};
    if (phase_ == Phase::leading) return {Part::wait, round, no_deadline};  // a leader takes no longer than its walk
    return now >= deadline_ ? close_locked() : here(Part::wait);
  }

  /// A worker that is present in `round` and has something to do with what it owns: it may arrive again. False: a leader is at work.
  [[nodiscard]] bool step_out(std::uint32_t worker, std::uint32_t round) {
    const std::lock_guard lock(mutex_);
    if (own_round() != round) return true;
    if (phase_ == Phase::leading) return false;
    present_[worker].set(false);
    --arrived_;
    return true;
  }

  /// A worker that will never arrive again. lead: the others had waited for this one only.
  [[nodiscard]] Attendance leave(std::uint32_t worker) {
    const std::lock_guard lock(mutex_);
    assert(!present_[worker].get() || phase_ == Phase::idle);
    gone_[worker].set(true);
    ++left_;
    return phase_ == Phase::gathering && all_here() ? close_locked() : Attendance{};
  }

  /// The last worker, after all have left: no dump is being made from now on until its finish(). Waits for a leader that is at work.
  void hold() {
    for (;;) {
      std::uint32_t led = 0;
      {
        const std::lock_guard lock(mutex_);
        if (phase_ != Phase::leading) return take_lead_locked({});
        is_awaited_ = true;
        led = own_round();
      }
      // In a simulation a leader's walk is part of one step, so none is at work here.
      if constexpr (!Env::simulated) static_cast<void>(wait(led, no_deadline));
    }
  }

  /// A worker's thread: sleeps until the round is over, or for no reason; or until the deadline, and returns false. look_again() tells.
  bool wait(std::uint32_t round, Nanos deadline) { return Env::wait_on(round_, round, deadline); }

  // ---- the leader ----

  /// Everybody has come, and all cores with them.
  [[nodiscard]] bool is_complete() const { return led_complete_; }
  [[nodiscard]] bool is_present(std::uint32_t worker) const { return present_[worker].get(); }
  [[nodiscard]] bool has_left(std::uint32_t worker) {
    const std::lock_guard lock(mutex_);
    return gone_[worker].get();
  }
  /// Whom the dump is for: those who had asked when the round was closed, so that it began after they asked. Empty: all of
  /// them were withdrawn. Later ones get the next round.
  [[nodiscard]] Requests take_requests() { return std::exchange(led_for_, {}); }

  /// The end: the workers go on. wait: the next round is open already (the caller wakes sleepers); lead: and it is the caller's too.
  [[nodiscard]] Attendance finish() {
    std::uint32_t waiting = 0;
    Attendance next;
    {
      const std::lock_guard lock(mutex_);
      waiting = arrived_ + (std::exchange(is_awaited_, false) ? 1 : 0);
      end_locked();
      if (!requests_.empty()) next = open_locked();
    }
    if constexpr (!Env::simulated) {
      for (; waiting > 0; --waiting) Env::wake_one(round_);
    }
    return next;
  }

 private:
  enum class Phase : std::uint8_t { idle, gathering, leading };
  using Flag = typename Env::template cell<bool>;

  // All of these: locked.
  [[nodiscard]] Attendance here(Part part) const { return {part, own_round(), deadline_}; }
  [[nodiscard]] bool all_here() const { return arrived_ + left_ == workers_; }
  /// relaxed: only written under the lock.
  [[nodiscard]] std::uint32_t own_round() const { return round_.load(relaxed); }

  void set_phase(Phase phase) {
    phase_ = phase;
    // release: pairs with is_open().
    open_.store(phase == Phase::gathering, release);
  }

  template <class IsGone>
  [[nodiscard]] Attendance give_up_locked(IsGone&& is_gone) {
    const auto gone = std::erase_if(requests_, [&](const auto& request) {
      if (!is_gone(*request)) return false;
      if (hurried_ == request.get()) hurried_ = nullptr;
      return true;
    });
    return gone > 0 && requests_.empty() && phase_ == Phase::gathering ? close_locked() : Attendance{};
  }

  [[nodiscard]] Attendance open_locked() {
    deadline_ = requests_.front()->deadline;
    set_phase(Phase::gathering);
    const bool is_late = std::exchange(hurried_, nullptr) != nullptr;
    return all_here() || is_late ? close_locked() : here(Part::wait);
  }

  [[nodiscard]] Attendance close_locked() {
    assert(phase_ == Phase::gathering);
    take_lead_locked(std::exchange(requests_, {}));
    return here(Part::lead);
  }

  void take_lead_locked(Requests requests) {
    set_phase(Phase::leading);
    led_complete_ = arrived_ == workers_;
    led_for_ = std::move(requests);
  }

  void end_locked() {
    assert(phase_ == Phase::leading);
    for (std::uint32_t i = 0; i < workers_; ++i) present_[i].set(false);
    arrived_ = 0;
    set_phase(Phase::idle);
    // release: pairs with round(). A worker that missed the wake-up compares this number before it sleeps.
    round_.store(own_round() + 1, release);
  }

  const std::uint32_t workers_;
  typename Env::template atomic<bool> open_{false};
  typename Env::template atomic<std::uint32_t> round_{0};
  typename Env::mutex mutex_;
  // Under the mutex; while a round is led, its leader alone may use present_, led_complete_ and led_for_ without it.
  Phase phase_ = Phase::idle;
  Nanos deadline_ = no_deadline;
  std::uint32_t arrived_ = 0;
  std::uint32_t left_ = 0;
  std::unique_ptr<Flag[]> present_;
  std::unique_ptr<Flag[]> gone_;
  bool led_complete_ = false;
  bool is_awaited_ = false;  // by hold()
  Requests requests_;
  Requests led_for_;
  const Request* hurried_ = nullptr;  // waits for the next round, and its time is over
};

}  // namespace rt
