// The environment of the model explorer: each operation is a point where another thread may go on, or an older value appear.
//
// For tests only. Capacities are tiny so that full, empty and wrapped queues are near. Everything open is asked of a ModelHost
// (drive/explore.hpp implements it); without one, outside of a run, the types behave as plain values.
// Read next: model_memory.hpp (which values a load may return), drive/explore.hpp (who chooses).
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

#include "rt/env/environment.hpp"
#include "rt/env/model_memory.hpp"
#include "rt/env/parker.hpp"

namespace rt {

/// Who plays the threads of a model.
class ModelHost {
 public:
  /// The running thread's.
  virtual ModelView& view() = 0;
  /// Another thread may go on here.
  virtual void step() = 0;
  /// An open decision, in [0, n).
  virtual std::uint32_t pick(std::uint32_t n) = 0;
  /// Stores may arrive late, so that a load returns an older value.
  [[nodiscard]] virtual bool is_weak() const = 0;
  /// Sleeps until unblock(place); or false, when it may time out and that was chosen.
  virtual bool block(const void* place, bool may_time_out) = 0;
  virtual void unblock(const void* place, bool all) = 0;
  /// The running thread can do nothing until another has moved.
  virtual void relax() = 0;
  /// Ends this run. Does not return to a thread of the model.
  virtual void fail(const std::string& what) = 0;

  /// The host of the run that is going on, if any.
  static inline ModelHost* current = nullptr;

 protected:
  ~ModelHost() = default;
};

/// std::atomic's interface over a history of stores.
template <class T>
class ModelAtomic {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(std::uint64_t));

 public:
  ModelAtomic() : ModelAtomic(T{}) {}
  ModelAtomic(T value) : history_(encode(value)) {}  // implicit, as std::atomic
  ModelAtomic(const ModelAtomic&) = delete;
  ModelAtomic& operator=(const ModelAtomic&) = delete;

  [[nodiscard]] T load(std::memory_order order = seq_cst) const {
    ModelHost* const host = ModelHost::current;
    if (host == nullptr) return decode(history_.newest());
    host->step();
    ModelView& view = host->view();
    return decode(history_.load(view, order, choose(*host, [&] { return history_.readable(view, order); })));
  }

  void store(T value, std::memory_order order = seq_cst) {
    ModelHost* const host = ModelHost::current;
    if (host == nullptr) return history_.replace_newest(encode(value));
    host->step();
    ModelView& view = host->view();
    history_.store(view, order, encode(value), choose(*host, [&] { return history_.places(view, order); }));
  }

  T exchange(T value, std::memory_order order = seq_cst) {
    return change(order, [value](T) { return value; });
  }

  bool compare_exchange_strong(T& expected, T desired, std::memory_order success, std::memory_order failure) {
    ModelHost* const host = ModelHost::current;
    std::size_t met = history_.last();
    if (host != nullptr) {
      host->step();
      met = choose(*host, [&] { return history_.comparable(host->view(), encode(expected), success, failure); });
    }
    const T found = decode(history_.value(met));
    if (encode(found) != encode(expected)) {
      expected = found;
      if (host != nullptr) history_.load(host->view(), failure, met);
      return false;
    }
    if (host == nullptr) {
      history_.replace_newest(encode(desired));
    } else {
      history_.exchange(host->view(), success, encode(desired), met);
    }
    return true;
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order order = seq_cst) {
    return compare_exchange_strong(expected, desired, order, weaker_half(order));
  }
  bool compare_exchange_weak(T& expected, T desired, std::memory_order success, std::memory_order failure) {
    return compare_exchange_strong(expected, desired, success, failure);
  }
  bool compare_exchange_weak(T& expected, T desired, std::memory_order order = seq_cst) {
    return compare_exchange_strong(expected, desired, order);
  }

  T fetch_add(T by, std::memory_order order = seq_cst) {
    return change(order, [by](T old) { return static_cast<T>(old + by); });
  }
  T fetch_sub(T by, std::memory_order order = seq_cst) {
    return change(order, [by](T old) { return static_cast<T>(old - by); });
  }
  T fetch_or(T bits, std::memory_order order = seq_cst) {
    return change(order, [bits](T old) { return static_cast<T>(old | bits); });
  }
  T fetch_and(T bits, std::memory_order order = seq_cst) {
    return change(order, [bits](T old) { return static_cast<T>(old & bits); });
  }
  T fetch_xor(T bits, std::memory_order order = seq_cst) {
    return change(order, [bits](T old) { return static_cast<T>(old ^ bits); });
  }

  /// What a futex compares: the newest value, which this thread has seen then. No switch point, and it orders nothing else.
  [[nodiscard]] T look_for_sleep() const { return decode(history_.load(ModelHost::current->view(), relaxed, history_.last())); }

 private:
  static std::uint64_t encode(T value) {
    std::uint64_t word = 0;
    std::memcpy(&word, &value, sizeof(T));
    return word;
  }
  static T decode(std::uint64_t word) {
    T value;
    std::memcpy(&value, &word, sizeof(T));
    return value;
  }
  static constexpr std::memory_order weaker_half(std::memory_order order) {
    return order == acq_rel ? acquire : order == release ? relaxed : order;
  }

  /// An index into the history; the newest where there is no choice.
  template <class Choices>
  std::size_t choose(ModelHost& host, Choices choices) const {
    if (!host.is_weak()) return history_.last();
    const ModelChoices among = choices();
    return among[host.pick(among.size())];
  }

  template <class Next>
  T change(std::memory_order order, Next next) {
    ModelHost* const host = ModelHost::current;
    if (host == nullptr) {
      const T old = decode(history_.newest());
      history_.replace_newest(encode(next(old)));
      return old;
    }
    host->step();
    ModelView& view = host->view();
    const std::size_t met = choose(*host, [&] { return history_.places(view, order); });
    const T old = decode(history_.value(met));
    history_.exchange(view, order, encode(next(old)), met);
    return old;
  }

  mutable ModelHistory history_;
};

/// Plain memory that reports unordered access. No switch point: if the accesses are ordered, no switch there can matter.
template <class T>
class ModelCell {
 public:
  ModelCell() { touch_write(); }
  explicit ModelCell(T value) : value_(value) { touch_write(); }
  [[nodiscard]] T get() const {
    if (ModelHost* const host = ModelHost::current; host != nullptr) {
      if (const auto other = touches_.read(host->view())) report("read", host->view().thread, *other);
    }
    return value_;
  }
  void set(T value) {
    touch_write();
    value_ = value;
  }

 private:
  void touch_write() {
    if (ModelHost* const host = ModelHost::current; host != nullptr) {
      if (const auto other = touches_.write(host->view())) report("write", host->view().thread, *other);
    }
  }
  static void report(const char* what, std::uint32_t thread, std::uint32_t other) {
    ModelHost::current->fail("data race on a cell: " + std::string(what) + " by thread " + std::to_string(thread) +
                             ", not ordered with thread " + std::to_string(other));
  }

  T value_{};
  mutable ModelTouches touches_;
};

/// The lock is a switch point, the unlock is not: nothing that others can see lies between it and the next operation.
class ModelMutex {
 public:
  void lock() {
    ModelHost* const host = ModelHost::current;
    if (host == nullptr) return;
    host->step();
    while (held_) host->block(this, false);
    take(*host);
  }
  bool try_lock() {
    ModelHost* const host = ModelHost::current;
    if (host == nullptr) return true;
    host->step();
    if (held_) return false;
    take(*host);
    return true;
  }
  void unlock() {
    ModelHost* const host = ModelHost::current;
    if (host == nullptr) return;
    host->view().tick();
    sync_.join(host->view().clock);
    held_ = false;
    host->unblock(this, true);
  }

 private:
  void take(ModelHost& host) {
    held_ = true;
    host.view().tick();
    host.view().clock.join(sync_);
  }

  bool held_ = false;
  ModelClock sync_;
};

struct ModelEnv {
  template <class T>
  using atomic = ModelAtomic<T>;
  template <class T>
  using cell = ModelCell<T>;
  using mutex = ModelMutex;
  using index = std::uint8_t;
  static constexpr std::size_t ring_capacity = 4;
  static constexpr bool simulated = false;
  using wake_slot = Parker<ModelEnv>;

  /// As a futex: compares the newest value and sleeps, in one step. A deadline makes the time-out a choice.
  static bool wait_on(atomic<std::uint32_t>& word, std::uint32_t expected, Nanos deadline) {
    ModelHost::current->step();
    if (word.look_for_sleep() != expected) return true;
    return ModelHost::current->block(&word, deadline != no_deadline);
  }
  static void wake_one(atomic<std::uint32_t>& word) {
    ModelHost::current->step();
    ModelHost::current->unblock(&word, false);
  }
  static void relax() { ModelHost::current->relax(); }

  class World {
   public:
    [[nodiscard]] Nanos now() const { return 0; }
    [[nodiscard]] Nanos quick_now() const { return 0; }
    std::uint32_t choose(std::uint32_t n) { return ModelHost::current == nullptr ? 0 : ModelHost::current->pick(n); }
    void charge(Cost, std::uint32_t) {}
    void charge_steal(std::uint32_t, std::uint32_t) {}
    void charge_inject(std::uint32_t) {}
    [[nodiscard]] Nanos distance(std::uint32_t) const { return 0; }
  };
};

static_assert(Environment<ModelEnv>);

}  // namespace rt
