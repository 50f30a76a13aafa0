// A small generator for choices that need no quality: where a search for work begins.
//
// Two 32-bit words, as Tokio's FastRand (tokio/src/util/rand.rs; Marsaglia, "Xorshift RNGs", 2003). Simulations do not
// use it: they have a counter-based generator of their own (sim_env.hpp), so that a choice has a number.
#pragma once

#include <cstdint>

namespace rt {

class Xorshift {
 public:
  explicit Xorshift(std::uint64_t seed) : one_(static_cast<std::uint32_t>(seed >> 32U)), two_(static_cast<std::uint32_t>(seed)) {
    if (two_ == 0) two_ = 1;  // the all-zero state is a fixed point
  }

  std::uint32_t next() noexcept {
    std::uint32_t s1 = one_;
    const std::uint32_t s0 = two_;
    s1 ^= s1 << 17U;
    s1 = s1 ^ s0 ^ (s1 >> 7U) ^ (s0 >> 16U);
    one_ = s0;
    two_ = s1;
    return s0 + s1;
  }

  /// Uniform in [0, n) up to a bias below n / 2^32 (Lemire's multiply-shift).
  std::uint32_t below(std::uint32_t n) noexcept { return static_cast<std::uint32_t>((std::uint64_t{next()} * n) >> 32U); }

 private:
  std::uint32_t one_;
  std::uint32_t two_;
};

/// A stream of well-mixed 64-bit seeds from one number (Steele, Lea, Flood: SplitMix, 2014).
class SplitMix {
 public:
  constexpr explicit SplitMix(std::uint64_t seed) : state_(seed) {}
  constexpr std::uint64_t next() noexcept {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }

 private:
  std::uint64_t state_;
};

}  // namespace rt
