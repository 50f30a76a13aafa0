// How long is this gap, or this job? A service law, drawn from uniform words.
//
// Invariant: a draw is a function of the law and the words, in integers, so it is the same ns on every machine; the mean of many
// draws is the law's mean to the rounding of one. Read next: fixed_point.hpp, counter_random.hpp, open_system.hpp.
#pragma once

#include <cstdint>
#include <span>

#include "rt/env/environment.hpp"

namespace rt::workload {

struct Law {
  enum class Kind : std::int64_t {
    deterministic,     // a: mean
    exponential,       // a: mean
    hyperexponential,  // a: probability of the first branch, in 2^-63; b, c: the means of the two
    lognormal,         // a: mean; b: squared coefficient of variation, in 2^-32
    empirical,         // one of `values`, each as likely
    count
  };
  // Means are in 2^-16 ns.
  static constexpr int mean_bits = 16;

  Kind kind = Kind::deterministic;
  std::int64_t a = 0, b = 0, c = 0;
  std::span<const std::int64_t> values{};  // ns

  static constexpr std::size_t numbers = 4;  // kind, a, b, c
  /// Throws std::invalid_argument, with `name`, for numbers that are no law.
  [[nodiscard]] static Law from(std::span<const std::int64_t> four, std::span<const std::int64_t> values, const char* name);
};

/// What a law needs to draw, made ready. Keeps the law's span.
class Sampler {
 public:
  explicit Sampler(const Law& law);
  /// Two independent uniform words; the second is used by hyperexponential laws only.  [ns], at most most_drawn.
  [[nodiscard]] Nanos draw(std::uint64_t word, std::uint64_t other) const;

  static constexpr Nanos most_drawn = (Nanos{1} << 62) - 1;

 private:
  Law law_;
  std::int64_t sigma_ = 0;        // lognormal: of the logarithm
  std::int64_t half_square_ = 0;  // lognormal: sigma^2 / 2
};

}  // namespace rt::workload
