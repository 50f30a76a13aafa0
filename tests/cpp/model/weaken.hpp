// Seeded faults without a copy of the code: a world whose atomics take some orders more weakly than they are asked for.
#pragma once

#include <atomic>
#include <type_traits>

#include "rt/env/model_env.hpp"

namespace rt {

/// What a fault does to the orders; each one below overrides what it weakens.
struct AsWritten {
  static constexpr std::memory_order load(std::memory_order order) { return order; }
  static constexpr std::memory_order store(std::memory_order order) { return order; }
  static constexpr std::memory_order change(std::memory_order order) { return order; }
};
struct LoadsRelaxed : AsWritten {
  static constexpr std::memory_order load(std::memory_order) { return relaxed; }
};
struct LoadsAcquire : AsWritten {
  static constexpr std::memory_order load(std::memory_order order) { return order == seq_cst ? acquire : order; }
};
struct LooksRelaxed : AsWritten {
  static constexpr std::memory_order load(std::memory_order order) { return order == seq_cst ? relaxed : order; }
};
struct StoresRelaxed : AsWritten {
  static constexpr std::memory_order store(std::memory_order) { return relaxed; }
};
struct StoresRelease : AsWritten {
  static constexpr std::memory_order store(std::memory_order order) { return order == seq_cst ? release : order; }
};
struct ChangesRelaxed : AsWritten {
  static constexpr std::memory_order change(std::memory_order) { return relaxed; }
};
struct ChangesAcquire : AsWritten {
  static constexpr std::memory_order change(std::memory_order order) { return order == relaxed ? relaxed : acquire; }
};
struct ChangesRelease : AsWritten {
  static constexpr std::memory_order change(std::memory_order order) { return order == relaxed ? relaxed : release; }
};
struct ChangesAcqRel : AsWritten {
  static constexpr std::memory_order change(std::memory_order order) { return order == seq_cst ? acq_rel : order; }
};

template <class T, class Fault>
class WeakAtomic : public ModelAtomic<T> {
 public:
  using Base = ModelAtomic<T>;
  using Base::Base;
  [[nodiscard]] T load(std::memory_order order) const { return Base::load(Fault::load(order)); }
  void store(T value, std::memory_order order) { Base::store(value, Fault::store(order)); }
  T exchange(T value, std::memory_order order) { return Base::exchange(value, Fault::change(order)); }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order success, std::memory_order failure) {
    return Base::compare_exchange_strong(expected, desired, Fault::change(success), Fault::load(failure));
  }
  bool compare_exchange_weak(T& expected, T desired, std::memory_order success, std::memory_order failure) {
    return Base::compare_exchange_weak(expected, desired, Fault::change(success), Fault::load(failure));
  }
  T fetch_add(T by, std::memory_order order) { return Base::fetch_add(by, Fault::change(order)); }
  T fetch_sub(T by, std::memory_order order) { return Base::fetch_sub(by, Fault::change(order)); }
  T fetch_or(T bits, std::memory_order order) { return Base::fetch_or(bits, Fault::change(order)); }
  T fetch_and(T bits, std::memory_order order) { return Base::fetch_and(bits, Fault::change(order)); }
  T fetch_xor(T bits, std::memory_order order) { return Base::fetch_xor(bits, Fault::change(order)); }
};

/// ModelEnv with a fault in the atomics of type `Only` (a ring's head and tail differ in type), or in all of them.
template <class Fault, class Only = void>
struct WeakEnv : ModelEnv {
  template <class T>
  using atomic = std::conditional_t<std::is_void_v<Only> || std::is_same_v<T, Only>, WeakAtomic<T, Fault>, ModelAtomic<T>>;
};

}  // namespace rt
