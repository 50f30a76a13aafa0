// In which state is a one-shot, who waits for it, and who frees it?
//
// One word: flags, and above them whom to wake, the one waiter that holds the turn. Registering, sending, taking and leaving are one
// exchange each, and whoever takes the waiter out of the word owns its reference. Further waiters (a receiver may be copied) stand
// in a list under a mutex (oneshot_core.hpp); while `crowd` is set nobody but the first of that list may take a turn.
// Invariants: VALUE is set once, before CLOSED or with it, and taken once; with KEPT the value is the holder's alone; a waiter stands
// in the word only while neither VALUE nor CLOSED is set. A second word counts who owns the memory.
// Explored in tests/cpp/model/oneshot_test.cpp.
#pragma once

#include <atomic>
#include <cassert>
#include <cstdint>

#include "rt/env/environment.hpp"

namespace rt {
using enum std::memory_order;

/// Whom the caller has to tell after its transition, once it holds no lock.
struct OneshotNews {
  std::uintptr_t waiter = 0;  // wake it; its reference is the caller's now
  bool crowd = false;         // the list of further waiters has to be told
};

enum class OnSend : std::uint8_t { sent, closed };
/// received: the value is the caller's to move out. ended: it will not come (any more). waiting: nothing to do, this waiter stands
/// in the word. nothing: wait() next. behind: others have the turn.
enum class OnTake : std::uint8_t { received, ended, waiting, nothing, behind };
/// Where the one who asks stands: holder had the turn by wait(), front is the first of the list (which is locked).
enum class OneshotPlace : std::uint8_t { newcomer, holder, front };

/// others_left: done. last: no receiver but the caller: abandon, then drop_last_receiver(). all: nobody but the caller.
enum class OnReceiverLeaves : std::uint8_t { others_left, last, all };

template <Environment Env>
class OneshotState {
 public:
  using Word = std::uintptr_t;

  // ---- the sender ----

  /// True for one caller: only that one may write the value, and then send().
  [[nodiscard]] bool claim_send() noexcept {
    // relaxed: only who is the first matters; send() publishes.
    return (word_.fetch_or(claimed, relaxed) & claimed) == 0;
  }
  /// Asked by the sender that goes. relaxed: it sent itself, or was handed here in some ordered way.
  [[nodiscard]] bool is_claimed() const noexcept { return (word_.load(relaxed) & claimed) != 0; }

  /// The value has been written. closed: nobody has seen it or will, it is still the caller's.
  [[nodiscard]] OnSend send(OneshotNews& news) noexcept {
    return update([&](Word& next) {
      if ((next & closed) != 0) return OnSend::closed;
      news.waiter = next & waiter_bits;
      if (news.waiter != 0) next = (next & ~waiter_bits) | kept;
      next |= value | closed;
      return OnSend::sent;
    });
  }

  // ---- receivers ----

  /// `who`: the word of the one who asks. `news.crowd` with received: all others go away empty.
  [[nodiscard]] OnTake take(Word who, OneshotPlace place, OneshotNews& news) noexcept {
    // acquire: pairs with the release of whoever closed; here and below the outcome may be reached without an exchange.
    Word word = word_.load(acquire);
    for (;;) {
      if ((word & (value | closed)) == closed) return OnTake::ended;
      if (place != OneshotPlace::holder) {
        if ((word & (waiter_bits | kept)) != 0) return OnTake::behind;
        if (place == OneshotPlace::newcomer && (word & crowd) != 0) return OnTake::behind;
      }
      if ((word & value) == 0) {
        return who != 0 && (word & waiter_bits) == who ? OnTake::waiting : OnTake::nothing;
      }
      // acq_rel: acquire pairs with send() (the value); release is for the one who frees it. acquire on failure: looked at again.
      if (word_.compare_exchange_weak(word, word & ~(value | kept), acq_rel, acquire)) {
        news.crowd = (word & crowd) != 0;
        return OnTake::received;
      }
    }
  }

  /// After take() said nothing: from now on `who` is to be woken, and its reference belongs to the word; `before` is the reference
  /// that stood there, of a holder that waits as somebody else now. False: something has changed, take() again.
  [[nodiscard]] bool wait(Word who, OneshotPlace place, Word& before) noexcept {
    assert((who & ~waiter_bits) == 0);
    return update([&](Word& next) {
      if ((next & (value | closed)) != 0) return false;
      before = next & waiter_bits;
      if (before != 0 && place != OneshotPlace::holder) return false;
      if ((next & crowd) != 0 && place == OneshotPlace::newcomer) return false;
      next = (next & ~waiter_bits) | who;
      return true;
    });
  }

  /// The holder goes away: `news.waiter` is its own reference, to be dropped; what was kept for it is anybody's, and with
  /// `news.crowd` the first of the list is to be told.
  void leave(OneshotNews& news) noexcept {
    update([&](Word& next) {
      news.waiter = next & waiter_bits;
      news.crowd = (next & crowd) != 0;
      next &= ~(waiter_bits | kept);
      return true;
    });
  }

  // ---- either ----

  /// Nothing can be sent from now on; a value that was sent stays. `news`: who has waited in vain.
  void close(OneshotNews& news) noexcept {
    update([&](Word& next) {
      news = {};
      if ((next & closed) != 0) return true;
      news = {next & waiter_bits, (next & crowd) != 0};
      next = (next & ~waiter_bits) | closed;
      return true;
    });
  }

  /// No receiver is left. True: a value was there; it is the caller's to destroy.
  [[nodiscard]] bool abandon() noexcept {
    // acq_rel: acquire pairs with send() (the value).
    return (word_.fetch_or(closed, acq_rel) & value) != 0;
  }

  [[nodiscard]] bool is_closed() const noexcept { return (word_.load(acquire) & closed) != 0; }

  // ---- the list of further waiters, locked ----

  /// Before its first member looks once more with take(): whoever gives the turn up from now on tells the list.
  void set_crowd() noexcept { word_.fetch_or(crowd, acq_rel); }  // acq_rel, both: as in update()
  void clear_crowd() noexcept { word_.fetch_and(~crowd, acq_rel); }

 private:
  // Bit 0 belongs to the waiter's word (waitlist.hpp, Wakeup).
  static constexpr Word value = 2;     // it is there
  static constexpr Word closed = 4;    // nothing can be sent (any more)
  static constexpr Word kept = 8;      // the value is for the waiter that was woken for it, and that has not looked yet
  static constexpr Word claimed = 16;  // somebody sends, or has sent
  static constexpr Word crowd = 32;    // the list of further waiters is not empty
  static constexpr Word waiter_bits = ~Word{value | closed | kept | claimed | crowd};

  template <class Step>
  auto update(Step step) noexcept {
    Word word = word_.load(relaxed);  // relaxed: decides nothing before the exchange
    for (;;) {
      Word next = word;
      const auto outcome = step(next);
      // acq_rel: value and waiter change hands with every exchange. relaxed on failure: as above.
      if (word_.compare_exchange_weak(word, next, acq_rel, relaxed)) return outcome;
    }
  }

  typename Env::template atomic<Word> word_{0};
};

/// Who owns a one-shot's memory: the sender, and the shares of the receiving side.
template <Environment Env>
class OneshotOwners {
 public:
  void add_receiver() noexcept { word_.fetch_add(one_receiver, relaxed); }  // relaxed: whoever has one may make another

  [[nodiscard]] OnReceiverLeaves receiver_leaves() noexcept {
    // acquire, here and on failure: the last one must see all that the others did before it destroys anything.
    Word word = word_.load(acquire);
    while (word >= 2 * one_receiver) {
      // acq_rel: release pairs with the acquire above, of whoever comes last.
      if (word_.compare_exchange_weak(word, word - one_receiver, acq_rel, acquire)) return OnReceiverLeaves::others_left;
    }
    // Nobody can make another share of the only one, which is ours: no exchange is needed to know it.
    return (word & sender) != 0 ? OnReceiverLeaves::last : OnReceiverLeaves::all;
  }

  /// True: the caller frees.
  [[nodiscard]] bool drop_last_receiver() noexcept {
    return word_.fetch_sub(one_receiver, acq_rel) == one_receiver;  // acq_rel: as above
  }
  /// True: the caller frees.
  [[nodiscard]] bool sender_leaves() noexcept {
    if (word_.load(acquire) == sender) return true;     // acquire: as above
    return word_.fetch_sub(sender, acq_rel) == sender;  // acq_rel: as above
  }

 private:
  using Word = std::uint32_t;
  static constexpr Word sender = 1;
  static constexpr Word one_receiver = 2;

  typename Env::template atomic<Word> word_{sender | one_receiver};
};

}  // namespace rt
