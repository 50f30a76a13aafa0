#include "rt/workload/fixed_point.hpp"

#include <array>
#include <bit>

#include "rt/workload/counter_random.hpp"

namespace rt::workload {
namespace {

constexpr std::uint64_t ln2_q63 = 6393154322601327830;
constexpr std::uint64_t root_of_two_q63 = 13043817825332782212U;
constexpr Fixed fixed_one = Fixed{1} << fixed_bits;

constexpr std::int64_t one_q62 = std::int64_t{1} << 62;

/// 1/25, 1/23 .. 1/1 and 1/16! .. 1/0!, 62 bits behind the point: coefficients from the highest power down.
constexpr auto inverse_odd = [] {
  std::array<std::int64_t, 13> result{};
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = one_q62 / static_cast<std::int64_t>(25 - 2 * i);
  return result;
}();
constexpr auto inverse_factorial = [] {
  std::array<std::int64_t, 17> result{};
  std::int64_t value = one_q62;
  for (std::size_t n = 0; n < result.size(); value /= static_cast<std::int64_t>(++n)) result[result.size() - 1 - n] = value;
  return result;
}();

Fixed times(Fixed a, Fixed b) { return static_cast<Fixed>((Wide{a} * b) >> fixed_bits); }

/// value = 2^exponent * e^rest, |rest| <= ln(2) / 2.
struct Logarithm {
  int exponent;
  Fixed rest;
};

/// Of an integer >= 1. The series of 2 atanh((f - 1) / (f + 1)); after 13 terms the next is below 2^-68.
Logarithm logarithm_of(std::uint64_t value) {
  const int zeros = std::countl_zero(value);
  std::uint64_t f = value << zeros;  // in [1, 2), 63 bits behind the point
  int exponent = 63 - zeros;
  if (f > root_of_two_q63) {
    f >>= 1;
    ++exponent;
  }
  constexpr Wide one_q63 = Wide{1} << 63;
  const auto z = static_cast<std::int64_t>(((Wide{f} - one_q63) << 62) / (Wide{f} + one_q63));
  const auto square = static_cast<std::int64_t>((Wide{z} * z) >> 62);
  std::int64_t sum = 0;
  for (const std::int64_t coefficient : inverse_odd) sum = coefficient + static_cast<std::int64_t>((Wide{square} * sum) >> 62);
  return {exponent, static_cast<Fixed>((Wide{z} * sum + (Wide{1} << 64)) >> 65)};
}

/// n ln 2.
std::uint64_t ln2_times(int n) { return static_cast<std::uint64_t>((UnsignedWide{ln2_q63} * static_cast<unsigned>(n)) >> 5); }

std::uint64_t integer_root(UnsignedWide n) {
  if (n == 0) return 0;
  const auto high = static_cast<std::uint64_t>(n >> 64);
  const int bits = high != 0 ? 128 - std::countl_zero(high) : 64 - std::countl_zero(static_cast<std::uint64_t>(n));
  UnsignedWide x = UnsignedWide{1} << ((bits + 1) / 2);  // not below the root, so Newton's steps fall until they are there
  for (;;) {
    const UnsignedWide next = (x + n / x) >> 1;
    if (next >= x) return static_cast<std::uint64_t>(x);
    x = next;
  }
}

/// Coefficients from the highest power down, with `bits` bits behind the point; exact in a double times a power of two.
template <int bits, std::size_t n>
constexpr std::array<Fixed, n> fixed(const double (&values)[n]) {
  std::array<Fixed, n> result{};
  for (std::size_t i = 0; i < n; ++i) result[i] = static_cast<Fixed>(values[i] * static_cast<double>(std::int64_t{1} << bits));
  return result;
}

template <std::size_t n>
Fixed polynomial(const std::array<Fixed, n>& coefficients, Fixed r) {
  Fixed sum = 0;
  for (const Fixed coefficient : coefficients) sum = coefficient + times(sum, r);
  return sum;
}

Fixed divide(Fixed a, Fixed b) { return static_cast<Fixed>((Wide{a} << fixed_bits) / b); }

// The normal quantile as three quotients of polynomials. Source: M. J. Wichura, Algorithm AS 241 (PPND16), Applied Statistics 37
// (1988). Fewer bits behind the point make room for sums that get large: 6.8e4 in the middle, 550 in the outer one.
constexpr auto middle_above =
    fixed<44>({2.50908092873012267e+3, 3.34305755835881281e+4, 6.72657709270087009e+4, 4.59219539315498715e+4,
               1.37316937655094611e+4, 1.97159095030655144e+3, 1.33141667891784377e+2, 3.38713287279636661e+0});
constexpr auto middle_below =
    fixed<44>({5.22649527885285456e+3, 2.87290857357219427e+4, 3.93078958000927106e+4, 2.12137943015865959e+4,
               5.39419602142475111e+3, 6.87187007492057908e+2, 4.23133307016009113e+1, 1.0});
constexpr auto outer_above =
    fixed<52>({7.74545014278341408e-4, 2.27238449892691846e-2, 2.41780725177450612e-1, 1.27045825245236838e+0,
               3.64784832476320460e+0, 5.76949722146069141e+0, 4.63033784615654530e+0, 1.42343711074968358e+0});
constexpr auto outer_below =
    fixed<52>({1.05075007164441684e-9, 5.47593808499534495e-4, 1.51986665636164572e-2, 1.48103976427480075e-1,
               6.89767334985100005e-1, 1.67638483018380385e+0, 2.05319162663775882e+0, 1.0});
constexpr auto far_above =
    fixed<fixed_bits>({2.01033439929228813e-7, 2.71155556874348758e-5, 1.24266094738807844e-3, 2.65321895265761230e-2,
                       2.96560571828504891e-1, 1.78482653991729133e+0, 5.46378491116411437e+0, 6.65790464350110378e+0});
constexpr auto far_below =
    fixed<fixed_bits>({2.04426310338993979e-15, 1.42151175831644589e-7, 1.84631831751005468e-5, 7.86869131145613259e-4,
                       1.48753612908506149e-2, 1.36929880922735805e-1, 5.99832206555887938e-1, 1.0});

constexpr Fixed fixed_of(double value) { return fixed<fixed_bits>({value})[0]; }

}  // namespace

std::uint64_t exponential_of(std::uint64_t word) {
  const std::uint64_t value = word + 1;
  if (value == 0) return 0;  // u = 1
  const Logarithm log = logarithm_of(value);
  return ln2_times(64 - log.exponent) - static_cast<std::uint64_t>(log.rest);
}

Fixed log_of_q32(std::uint64_t value) {
  const Logarithm log = logarithm_of(value);
  return static_cast<Fixed>(ln2_times(log.exponent - 32)) + log.rest;
}

Fixed square_root(std::uint64_t value) { return static_cast<Fixed>(integer_root(UnsignedWide{value} << fixed_bits)); }

Fixed normal_of(std::uint64_t word) {
  const auto centred = static_cast<std::int64_t>(word ^ (std::uint64_t{1} << 63));  // p - 1/2, 64 bits behind the point
  const Fixed q = centred >> (64 - fixed_bits);
  if (q <= fixed_of(0.425) && q >= -fixed_of(0.425)) {
    const Fixed r = fixed_of(0.180625) - times(q, q);
    return times(divide(polynomial(middle_above, r), polynomial(middle_below, r)), q);
  }
  // -ln of the smaller tail, (2 m + 1) / 2^65.
  const Logarithm log = logarithm_of(2 * (centred < 0 ? word : ~word) + 1);
  const Fixed r = square_root(ln2_times(65 - log.exponent) - static_cast<std::uint64_t>(log.rest));
  const bool is_far = r > 5 * fixed_one;
  const Fixed s = is_far ? r - 5 * fixed_one : r - fixed_of(1.6);
  const Fixed x = is_far ? divide(polynomial(far_above, s), polynomial(far_below, s))
                         : divide(polynomial(outer_above, s), polynomial(outer_below, s));
  return centred < 0 ? -x : x;
}

Power power_of_e(Fixed x) {
  // x = exponent ln 2 + y, |y| <= ln(2) / 2; after 16 terms the next is below 2^-70.
  constexpr Wide ln2_q62 = ln2_q63 >> 1;
  const Wide wide = Wide{x} << 4;
  const auto exponent = static_cast<int>((2 * wide + ln2_q62) / (2 * ln2_q62) - (2 * wide + ln2_q62 < 0 ? 1 : 0));
  const auto y = static_cast<std::int64_t>(wide - exponent * ln2_q62);
  std::int64_t sum = 0;
  for (const std::int64_t coefficient : inverse_factorial) sum = coefficient + static_cast<std::int64_t>((Wide{y} * sum) >> 62);
  return {static_cast<std::uint64_t>(sum), exponent};
}

}  // namespace rt::workload
