// In which state is a task, and who may do what with it next?
//
// One word: six bits and a reference count, changed only by the named transitions below, each one read-modify-write with a named
// outcome. Invariants: a task in a queue has NOTIFIED, or RUNNING if it gave way; RUNNING belongs to one thread, which alone touches the future; COMPLETE
// is never taken back; the join waker is written by whom JOIN_WAKER and COMPLETE say (laws S3, S4, S5, S7). After Tokio 1.48's
// runtime/task/state.rs, except that `submit` and `requeue` hand over the caller's reference instead of counting one up and
// one down around the push. Explored in tests/cpp/model/task_state_test.cpp.
#pragma once

#include <atomic>
#include <cassert>
#include <cstdint>
#include <optional>

#include "rt/env/environment.hpp"

namespace rt {
using enum std::memory_order;

/// The word as a value: questions, and pure changes.
struct Snapshot {
  using Word = std::uint64_t;
  static constexpr Word running = 1;        // one thread polls or cancels it
  static constexpr Word complete = 2;       // the future is gone, the outcome is there
  static constexpr Word notified = 4;       // it is in a queue, or will be after this poll
  static constexpr Word join_interest = 8;  // there is a join handle
  static constexpr Word join_waker = 16;    // the waker field is set, and the runtime may read it once complete
  static constexpr Word cancelled = 32;     // it shall end at the next chance
  static constexpr unsigned ref_shift = 6;
  static constexpr Word one_ref = Word{1} << ref_shift;
  /// References: the registry's, the queue's, the join handle's. It is to be queued at once.
  static constexpr Word new_task = 3 * one_ref | join_interest | notified;
  static_assert(new_task == 204);

  Word word = 0;

  [[nodiscard]] constexpr bool has(Word bits) const noexcept { return (word & bits) == bits; }
  [[nodiscard]] constexpr bool is_running() const noexcept { return has(running); }
  [[nodiscard]] constexpr bool is_complete() const noexcept { return has(complete); }
  [[nodiscard]] constexpr bool is_idle() const noexcept { return (word & (running | complete)) == 0; }
  [[nodiscard]] constexpr bool is_notified() const noexcept { return has(notified); }
  [[nodiscard]] constexpr bool is_cancelled() const noexcept { return has(cancelled); }
  [[nodiscard]] constexpr bool is_join_interested() const noexcept { return has(join_interest); }
  [[nodiscard]] constexpr bool is_join_waker_set() const noexcept { return has(join_waker); }
  [[nodiscard]] constexpr std::uint64_t refs() const noexcept { return word >> ref_shift; }

  constexpr void set(Word bits) noexcept { word |= bits; }
  constexpr void clear(Word bits) noexcept { word &= ~bits; }
  constexpr void add_ref() noexcept { word += one_ref; }
  /// True: it was the last.
  constexpr bool drop_ref() noexcept {
    assert(refs() >= 1);
    word -= one_ref;
    return refs() == 0;
  }
};

/// run, cancelled: RUNNING is ours, with the queue's reference; poll it, or end it. busy, dealloc: somebody else ran or ended it,
/// the queue's reference is given back, and with dealloc it was the last.
enum class OnRun : std::uint8_t { run, cancelled, busy, dealloc };
/// idle, dealloc: the poll's reference is given back. requeue: woken meanwhile; push it, the poll's reference is the queue's now.
/// cancelled: still RUNNING and ours; end it.
enum class OnIdle : std::uint8_t { idle, requeue, dealloc, cancelled };
/// requeue, cancelled: as above.
enum class OnYield : std::uint8_t { requeue, cancelled };
/// submit: push it; the queue's reference is there (by value: the waker's own one). dealloc (by value only): that was the last.
enum class OnWake : std::uint8_t { nothing, submit, dealloc };
/// claimed: RUNNING is ours, and the frames may be read. busy: somebody polls or ends it, it has ended, or it stands elsewhere.
enum class OnClaim : std::uint8_t { claimed, busy };
/// submit: woken or cancelled meanwhile; push it, with a reference of the queue that the transition has counted.
enum class OnRelease : std::uint8_t { nothing, submit };
/// What the dropped join handle must clean up itself. Its reference is dropped afterwards, by drop_ref().
struct OnDropJoin {
  bool drop_output;
  bool drop_waker;
};

/// What a runner learns when it has woken the joiner. joiner_left: the handle has gone since the end was published.
struct OnReleaseWaker {
  bool was_last;
  bool joiner_left;
};

template <Environment Env>
class TaskState {
 public:
  /// The slot's owner, before anybody else knows the task.
  void init_new() noexcept {
    // release: pairs with try_ref(); who finds the new count in the registry also sees the header's fields.
    word_.store(Snapshot::new_task, release);
  }

  /// The same, for an owner that has still to do with it: it is queued, or taken up, after release_queued().
  void init_claimed() noexcept {
    word_.store(Snapshot::new_task | Snapshot::running, release);  // release: as in init_new()
  }

  /// Any thread. acquire: what the writer of this state did before is visible.
  [[nodiscard]] Snapshot load() const noexcept { return {word_.load(acquire)}; }

  // ---- the thread that took it from a queue ----

  /// Holder of the queue's reference.
  [[nodiscard]] OnRun start_running() noexcept {
    return update([](Snapshot& next) {
      assert(next.is_notified());
      // A shutdown may run or have ended it while it stood in the queue.
      if (!next.is_idle()) return next.drop_ref() ? OnRun::dealloc : OnRun::busy;
      next.set(Snapshot::running);
      next.clear(Snapshot::notified);
      return next.is_cancelled() ? OnRun::cancelled : OnRun::run;
    });
  }

  /// Holder of RUNNING, after a poll that ended pending.
  [[nodiscard]] OnIdle finish_poll() noexcept {
    return update([](Snapshot& next) {
      assert(next.is_running());
      if (next.is_cancelled()) return OnIdle::cancelled;
      next.clear(Snapshot::running);
      if (next.is_notified()) return OnIdle::requeue;  // law S7: one further poll for any number of wakes
      return next.drop_ref() ? OnIdle::dealloc : OnIdle::idle;
    });
  }

  /// Holder of RUNNING, after a poll that gave way: it may keep RUNNING, and stand in queues with the poll's reference, until whoever
  /// takes it out says go_on(). No exchange for a yield. False: it was woken or cancelled in that poll, so finish_yield().
  [[nodiscard]] bool may_stay_running() const noexcept {
    // relaxed: what is missed here is met by go_on().
    return (word_.load(relaxed) & (Snapshot::notified | Snapshot::cancelled)) == 0;
  }

  /// Who took it out of its queue, after may_stay_running(): run or cancelled, as start_running(). A wake that came meanwhile has nothing
  /// to add (law S7), unless it is not seen here: then it finds the task running, and another poll follows.
  [[nodiscard]] OnRun go_on() noexcept {
    // relaxed: what a wake brings that is seen here comes with the exchange below (law S6).
    const Snapshot now{word_.load(relaxed)};
    assert(now.is_running() && !now.is_complete());
    if (!now.is_notified() && !now.is_cancelled()) return OnRun::run;
    return update([](Snapshot& next) {
      next.clear(Snapshot::notified);
      return next.is_cancelled() ? OnRun::cancelled : OnRun::run;
    });
  }

  /// Holder of RUNNING, after a poll that gave way, to be queued like any other: ready again without a wake.
  [[nodiscard]] OnYield finish_yield() noexcept {
    return update([](Snapshot& next) {
      assert(next.is_running());
      if (next.is_cancelled()) return OnYield::cancelled;
      next.clear(Snapshot::running);
      next.set(Snapshot::notified);
      return OnYield::requeue;
    });
  }

  /// As finish_yield(), of a task that no queue takes any more, and that its holder must not end: a shutdown's walk does.
  void stop_running() noexcept {
    update([](Snapshot& next) {
      assert(next.is_running());
      next.clear(Snapshot::running);
      next.set(Snapshot::notified);
      return true;
    });
  }

  /// Holder of RUNNING, once the future is destroyed and the outcome stored. Then: nobody interested, drop the outcome; a waker
  /// set, wake it, and give the references back by complete_release_waker().
  [[nodiscard]] Snapshot complete() noexcept {
    constexpr auto both = Snapshot::running | Snapshot::complete;
    // acq_rel: release pairs with the joiner's load (the outcome); acquire with set_join_waker() (the waker field).
    const Snapshot before{word_.fetch_xor(both, acq_rel)};
    assert(before.is_running() && !before.is_complete());
    return {before.word ^ both};
  }

  /// Holder of RUNNING, instead of complete() and all that follows it, with the future destroyed: the turn's reference and the
  /// registry's are the only ones, so nobody is interested and the slot is the caller's. False: somebody else has a reference.
  [[nodiscard]] bool complete_alone() noexcept {
    Snapshot::Word alone = 2 * Snapshot::one_ref | Snapshot::running;
    if (word_.load(relaxed) != alone) return false;  // relaxed: only saves an exchange that would fail
    // acq_rel: as in drop_ref(). A walk of the registry that is faster makes it fail; one that is slower finds no reference.
    return word_.compare_exchange_strong(alone, Snapshot::complete, acq_rel, relaxed);
  }

  /// Gives back n references at once: the poll's, and the registry's. True: they were the last.
  [[nodiscard]] bool complete_release(std::uint64_t n) noexcept {
    // acq_rel: as in drop_ref().
    const Snapshot before{word_.fetch_sub(n << Snapshot::ref_shift, acq_rel)};
    assert(before.refs() >= n);
    return before.refs() == n;
  }

  // ---- wakers and aborters, any thread ----

  /// Gives the waker's reference up.
  [[nodiscard]] OnWake wake_by_value() noexcept {
    return update([](Snapshot& next) {
      if (next.is_idle() && !next.is_notified()) {
        next.set(Snapshot::notified);
        return OnWake::submit;
      }
      if (next.is_running()) next.set(Snapshot::notified);  // its runner will requeue it
      return next.drop_ref() ? OnWake::dealloc : OnWake::nothing;
    });
  }

  /// Keeps the waker's reference. Writes even when it is notified already: the release is what makes our stores visible to the
  /// coming poll (law S6; Tokio #7622 returned early here).
  [[nodiscard]] OnWake wake_by_ref() noexcept {
    return update([](Snapshot& next) {
      if (next.is_complete()) return OnWake::nothing;
      const bool submit = next.is_idle() && !next.is_notified();
      next.set(Snapshot::notified);
      if (submit) next.add_ref();
      return submit ? OnWake::submit : OnWake::nothing;
    });
  }

  /// Remote abort. A queued task is ended when it is taken, a running one after its poll, an idle one is queued for it.
  [[nodiscard]] OnWake notify_and_cancel() noexcept {
    return update([](Snapshot& next) {
      if (next.is_cancelled() || next.is_complete()) return OnWake::nothing;
      next.set(Snapshot::cancelled);
      const bool submit = next.is_idle() && !next.is_notified();
      next.set(Snapshot::notified);
      if (submit) next.add_ref();
      return submit ? OnWake::submit : OnWake::nothing;
    });
  }

  /// Shutdown. True: it was idle, RUNNING is ours, the caller ends it now. False: its runner sees CANCELLED, or it has ended.
  [[nodiscard]] bool start_shutdown() noexcept {
    return update([](Snapshot& next) {
      const bool was_idle = next.is_idle();
      if (was_idle) next.set(Snapshot::running);
      next.set(Snapshot::cancelled);
      return was_idle;
    });
  }

  // ---- a dump, which reads what a suspended task waits for; the caller has a reference of its own ----

  /// Any thread. An idle task is claimed as a wake would, but is not polled: a wake that comes meanwhile finds it running.
  [[nodiscard]] OnClaim claim_idle() noexcept {
    return update([](Snapshot& next) {
      if (!next.is_idle() || next.is_notified()) return OnClaim::busy;
      next.set(Snapshot::running);
      return OnClaim::claimed;
    });
  }

  /// The claim is given back as at the end of a poll: whoever woke or cancelled the task meanwhile left it to us.
  [[nodiscard]] OnRelease release_idle() noexcept {
    return update([](Snapshot& next) {
      assert(next.is_running() && !next.is_complete());
      next.clear(Snapshot::running);
      if (!next.is_notified() && !next.is_cancelled()) return OnRelease::nothing;
      next.set(Snapshot::notified);
      next.add_ref();
      return OnRelease::submit;
    });
  }

  /// Holder of the queue that it stands in, so that nobody takes it out meanwhile: keeps a shutdown from ending it.
  [[nodiscard]] OnClaim claim_queued() noexcept {
    return update([](Snapshot& next) {
      if (!next.is_idle() || !next.is_notified()) return OnClaim::busy;
      next.set(Snapshot::running);
      return OnClaim::claimed;
    });
  }

  /// It is still in its queue: whoever takes it out sees what was asked of it meanwhile.
  void release_queued() noexcept {
    // acq_rel: release ends our reads of the frames before the next poll.
    [[maybe_unused]] const Snapshot before{word_.fetch_and(~Snapshot::running, acq_rel)};
    assert(before.is_running() && before.is_notified());
  }

  // ---- the join handle ----

  /// The usual case, a handle dropped before the first poll, in one exchange; gives its reference back too. False: drop_join_handle().
  [[nodiscard]] bool drop_join_fast() noexcept {
    Snapshot::Word expected = Snapshot::new_task;
    constexpr auto next = (Snapshot::new_task - Snapshot::one_ref) & ~Snapshot::join_interest;
    // release: what we did to the task is done before others may free it. relaxed on failure: nothing was learnt.
    return word_.compare_exchange_weak(expected, next, release, relaxed);
  }

  /// Asked by the handle, which is about to go. True: complete, and the runner has done with the waker's field; neither changes any
  /// more, so the output and the waker are the handle's to drop, and drop_ref() is all that is left: nobody asks for the interest.
  [[nodiscard]] bool is_left_to_joiner() const noexcept {
    const Snapshot now = load();
    return now.is_complete() && !now.is_join_waker_set();
  }

  /// Ends the interest. The caller does what the outcome says, and then drop_ref().
  [[nodiscard]] OnDropJoin drop_join_handle() noexcept {
    return update([](Snapshot& next) {
      assert(next.is_join_interested());
      next.clear(Snapshot::join_interest);
      // Before completion the waker field becomes ours again. After it, with the bit still set, the runtime is reading the field,
      // and whoever frees the task drops it (law S5; Tokio #2087).
      if (!next.is_complete()) next.clear(Snapshot::join_waker);
      return OnDropJoin{next.is_complete(), !next.is_join_waker_set()};
    });
  }

  /// As drop_join_handle(), of a handle whose waker borrows the waiter (join.hpp). Empty: complete, and the runner is about to wake the
  /// waiter, which must not go before: count a reference of the waiter for the runner, and call again with `lent`.
  [[nodiscard]] std::optional<OnDropJoin> drop_borrowing_handle(bool lent) noexcept {
    return update([lent](Snapshot& next) -> std::optional<OnDropJoin> {
      assert(next.is_join_interested());
      if (next.is_complete() && next.is_join_waker_set() && !lent) return std::nullopt;
      next.clear(Snapshot::join_interest);
      if (!next.is_complete()) next.clear(Snapshot::join_waker);
      return OnDropJoin{next.is_complete(), !next.is_join_waker_set()};
    });
  }

  /// The waker field is written; the runtime may read it. False: complete meanwhile, so take the outcome; the field is still ours.
  [[nodiscard]] bool set_join_waker() noexcept {
    return update([](Snapshot& next) {
      assert(next.is_join_interested() && !next.is_join_waker_set());
      if (next.is_complete()) return false;
      next.set(Snapshot::join_waker);
      return true;
    });
  }

  /// Before another waker is written. False: complete meanwhile, so take the outcome; the field may be being read.
  [[nodiscard]] bool unset_join_waker() noexcept {
    return update([](Snapshot& next) {
      assert(next.is_join_interested());
      if (next.is_complete()) return false;
      assert(next.is_join_waker_set());
      next.clear(Snapshot::join_waker);
      return true;
    });
  }

  /// Runner, after it woke the joiner, instead of complete_release(). The waker's field is the joiner's from now on; if the handle
  /// has left meanwhile, it is for whoever frees the task, and a waiter that was borrowed has left the runner a reference.
  [[nodiscard]] OnReleaseWaker complete_release_waker(std::uint64_t n) noexcept {
    // acq_rel: as in drop_ref(), and release pairs with a joiner that sees the bit gone and drops the field.
    const Snapshot before{word_.fetch_sub((n << Snapshot::ref_shift) + Snapshot::join_waker, acq_rel)};
    assert(before.is_complete() && before.is_join_waker_set() && before.refs() >= n);
    return {before.refs() == n, !before.is_join_interested()};
  }

  // ---- references ----

  /// Who has one may make another.
  void add_ref() noexcept {
    // relaxed: the new reference reaches another thread by some other, ordered way.
    [[maybe_unused]] const Snapshot before{word_.fetch_add(Snapshot::one_ref, relaxed)};
    assert(before.refs() >= 1);
  }

  /// True: it was the last, and the slot is the caller's to free.
  [[nodiscard]] bool drop_ref() noexcept {
    // acq_rel: release orders our uses before the free; acquire lets the one who frees see everybody's uses.
    const Snapshot before{word_.fetch_sub(Snapshot::one_ref, acq_rel)};
    assert(before.refs() >= 1);
    return before.refs() == 1;
  }

  /// A walker of the registry, which has no reference yet. False: the slot is free. It may be another task than it was a
  /// moment ago: check the generation afterwards.
  [[nodiscard]] bool try_ref() noexcept {
    Snapshot::Word word = word_.load(relaxed);
    while (Snapshot{word}.refs() != 0) {
      // acquire: pairs with init_new(). relaxed on failure: the value is only compared.
      if (word_.compare_exchange_weak(word, word + Snapshot::one_ref, acquire, relaxed)) return true;
    }
    return false;
  }

 private:
  /// Applies `step` in one exchange, which happens even if nothing changes.
  template <class Step>
  auto update(Step step) noexcept {
    Snapshot::Word word = word_.load(relaxed);
    for (;;) {
      Snapshot next{word};
      const auto outcome = step(next);
      // acq_rel: every transition hands something over: the future between polls, stores before a wake to the poll (law S6), the
      // waker field between joiner and runner. relaxed on failure and above: the value decides nothing before an exchange succeeds.
      if (word_.compare_exchange_weak(word, next.word, acq_rel, relaxed)) return outcome;
    }
  }

  typename Env::template atomic<Snapshot::Word> word_{0};
};

}  // namespace rt
