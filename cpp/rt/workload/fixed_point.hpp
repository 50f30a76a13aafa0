// Logarithm, exponential, square root and normal quantile in integers: the same bits on every machine, without libm.
//
// Invariant: a Fixed x means x / 2^58, so it holds magnitudes below 32; each function says its error. Read next: law.hpp.
#pragma once

#include <cstdint>

namespace rt::workload {

using Fixed = std::int64_t;
inline constexpr int fixed_bits = 58;

/// -ln((w + 1) / 2^64) * 2^58, for a uniform word w: an exponential draw of mean 1. Off by at most 2^-53, and by 2^-57 where the
/// result is below 1/3. At most 44.4, hence unsigned.
[[nodiscard]] std::uint64_t exponential_of(std::uint64_t word);

/// ln(value / 2^32), for 1 <= value / 2^32 < 2^31.
[[nodiscard]] Fixed log_of_q32(std::uint64_t value);

/// floor(sqrt(value * 2^58)): the root of a Fixed that may reach 64.
[[nodiscard]] Fixed square_root(std::uint64_t value);

/// The standard normal quantile of (w + 1/2) / 2^64; relative error below 1e-13. At most 9.2 either way.
[[nodiscard]] Fixed normal_of(std::uint64_t word);

/// e^x = mantissa / 2^62 * 2^exponent, with a mantissa between 2^61 and 2^63.
struct Power {
  std::uint64_t mantissa;
  int exponent;
};
[[nodiscard]] Power power_of_e(Fixed x);

}  // namespace rt::workload
