// Who waits for a primitive, in which order, and how are they woken?
//
// An intrusive FIFO of waiters under the primitive's mutex. A node lies in whoever waits: in a leaf (a task) or on the
// stack of a blocked thread. Invariants: a node is linked exactly while it is `queued`; what a node was `granted` is
// either used by its owner or, if the owner goes away, passed on to the next; nobody is woken, and no task reference is
// dropped, while the mutex is held, since both may run code of others.
// Read next: wait.hpp (the leaf and the blocked thread around a node), semaphore.hpp (the plainest primitive).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>
#include <vector>

#include "rt/env/mutex.hpp"
#include "rt/env/parker.hpp"
#include "rt/env/thread_env.hpp"
#include "rt/task/waker.hpp"

namespace rt {

/// What guards a primitive: its sections are a few lines long.
using SyncMutex = AdaptiveMutex<ThreadEnv>;

/// A thread that is about to sleep. Counted, since a waker may still be in notify() when the thread has gone on.
class alignas(64) SleepingThread {
 public:
  Parker<ThreadEnv> parker;
  void add_ref() { references_.fetch_add(1, relaxed); }  // relaxed: who has one may make another
  void drop() {
    // acq_rel: the last one out must see all that the others did with the parker before it frees it.
    if (references_.fetch_sub(1, acq_rel) == 1) delete this;
  }

 private:
  std::atomic<std::uint32_t> references_{1};
};

/// Who is asking: a task, or a thread that is about to sleep. The asker keeps it alive.
struct Who {
  Header* task = nullptr;
  SleepingThread* thread = nullptr;
};

/// The right to wake a waiter, once: a reference. Move-only; dropping it wakes nobody. One word, whose lowest bit tells a thread
/// from a task and whose next five are zero, so that it may stand in an atomic (oneshot_state.hpp).
class Wakeup {
 public:
  using Word = std::uintptr_t;

  Wakeup() = default;
  explicit Wakeup(const Who& who) : word_(word_of(who)) {
    if (who.task != nullptr) who.task->state.add_ref();
    if (who.thread != nullptr) who.thread->add_ref();
  }
  /// Takes over a reference that release() gave.
  [[nodiscard]] static Wakeup take_over(Word word) {
    Wakeup wakeup;
    wakeup.word_ = word;
    return wakeup;
  }
  Wakeup(Wakeup&& other) noexcept : word_(other.release()) {}
  Wakeup& operator=(Wakeup&& other) noexcept {
    if (this != &other) {
      clear();
      word_ = other.release();
    }
    return *this;
  }
  ~Wakeup() { clear(); }

  [[nodiscard]] static Word word_of(const Who& who) {
    if (who.thread != nullptr) return reinterpret_cast<Word>(who.thread) | thread_bit;
    return reinterpret_cast<Word>(who.task);
  }
  [[nodiscard]] bool is_for(const Who& who) const { return word_ == word_of(who); }
  [[nodiscard]] Word word() const { return word_; }
  [[nodiscard]] Word release() { return std::exchange(word_, 0); }

  /// Uses the wakeup up.
  void run() && {
    const Word word = release();
    if ((word & thread_bit) != 0) {
      SleepingThread& thread = thread_of(word);
      thread.parker.notify();
      thread.drop();
    } else if (word != 0) {
      Waker::take_over(task_of(word)).wake();
    }
  }

 private:
  static constexpr Word thread_bit = 1;
  static_assert(alignof(Header) >= 64 && alignof(SleepingThread) >= 64, "six low bits are free");
  static SleepingThread& thread_of(Word word) { return *reinterpret_cast<SleepingThread*>(word & ~thread_bit); }
  static Header& task_of(Word word) { return *reinterpret_cast<Header*>(word); }

  void clear() {
    const Word word = release();
    if ((word & thread_bit) != 0) {
      thread_of(word).drop();
    } else if (word != 0) {
      drop_reference(task_of(word));
    }
  }

  Word word_ = 0;
};

/// Those to be woken once the mutex is free: declare it before the lock, and its destructor wakes them after the lock.
/// A change that wakes more than `inline_room` allocates; without memory the program ends, as a wake must not be lost.
class WakeBatch {
 public:
  WakeBatch() {}
  WakeBatch(const WakeBatch&) = delete;
  WakeBatch& operator=(const WakeBatch&) = delete;
  [[gnu::always_inline]] ~WakeBatch() {
    if (count_ != 0) [[unlikely]]
      wake_all();
  }

  void push(Wakeup&& wakeup) noexcept {
    if (count_ < inline_room) {
      new (&first_[count_++]) Wakeup(std::move(wakeup));
    } else {
      if (rest_ == nullptr) rest_ = new std::vector<Wakeup>;
      rest_->push_back(std::move(wakeup));
    }
  }

 private:
  [[gnu::noinline]] void wake_all() noexcept {
    for (std::size_t i = 0; i < count_; ++i) {
      std::move(first_[i]).run();
      first_[i].~Wakeup();
    }
    if (rest_ == nullptr) return;
    for (Wakeup& wakeup : *rest_) std::move(wakeup).run();
    delete rest_;
  }

  static constexpr std::size_t inline_room = 8;
  // Only the first `count_` are alive: most changes wake nobody or one.
  union {
    std::array<Wakeup, inline_room> first_;
  };
  std::size_t count_ = 0;
  std::vector<Wakeup>* rest_ = nullptr;  // never without the first ones; wake_all() deletes it
};

enum class WaitState : std::uint8_t {
  idle,     // not in the list, owns nothing
  queued,   // in the list
  granted,  // taken out of the list with what it waited for; its owner has not looked yet
};

/// One waiter. All of it under the primitive's mutex.
struct WaitNode {
  explicit WaitNode(std::size_t permits = 1) : wants(permits) {}
  WaitNode(const WaitNode&) = delete;
  WaitNode& operator=(const WaitNode&) = delete;

  WaitNode* previous = nullptr;
  WaitNode* next = nullptr;
  Wakeup wakeup;
  std::size_t wants;       // permits
  std::size_t number = 0;  // for the primitive's own use: an arrival's place, a kind of grant
  WaitState state = WaitState::idle;
};

/// First come, first served. Under the primitive's mutex.
class WaitList {
 public:
  WaitList() = default;
  WaitList(const WaitList&) = delete;
  WaitList& operator=(const WaitList&) = delete;

  [[nodiscard]] bool empty() const { return front_ == nullptr; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] WaitNode* front() const { return front_; }

  /// Queues an idle node, or lets a queued one be woken by `who` from now on. Returns what is to be dropped unlocked.
  [[nodiscard]] Wakeup wait(WaitNode& node, const Who& who);
  /// A queued node leaves without having got anything.
  void remove(WaitNode& node);
  /// Takes the first out, as `state`, to be woken by the batch.
  WaitNode& release_front(WaitState state, WakeBatch& batch);
  void release_all(WaitState state, WakeBatch& batch) {
    while (!empty()) release_front(state, batch);
  }

 private:
  WaitNode* front_ = nullptr;
  WaitNode* back_ = nullptr;
  std::size_t size_ = 0;
};

/// A number of permits and those who wait for some. Fair: while anybody waits nobody takes a permit past them.
/// Under the primitive's mutex.
class PermitQueue {
 public:
  explicit PermitQueue(std::size_t permits) : free_(permits) {}

  [[nodiscard]] std::size_t free() const { return free_; }
  [[nodiscard]] std::size_t waiting() const { return waiters_.size(); }

  [[nodiscard]] bool try_take(std::size_t permits = 1) {
    if (!waiters_.empty() || free_ < permits) return false;
    free_ -= permits;
    return true;
  }
  /// True: the node has got what it wants. Otherwise it is queued; `before` is to be dropped unlocked.
  [[nodiscard]] bool poll(WaitNode& node, const Who& who, Wakeup& before);
  void add(std::size_t permits, WakeBatch& batch) {
    free_ += permits;
    if (!waiters_.empty()) grant(batch);
  }
  /// The waiter goes away: out of the list, and what it had been granted goes to the next.
  void leave(WaitNode& node, WakeBatch& batch);
  /// Sends everybody away with nothing.
  void dismiss_all(WakeBatch& batch) { waiters_.release_all(WaitState::idle, batch); }

 private:
  void grant(WakeBatch& batch);

  std::size_t free_;
  WaitList waiters_;
};

}  // namespace rt
