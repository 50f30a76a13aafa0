// Random numbers and service laws: words against an independent generator's, fixed point against the machine's own library, moments
// of the laws, and the exact draws that every machine must make.
#include "rt/workload/law.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "rt/workload/counter_random.hpp"
#include "rt/workload/fixed_point.hpp"

namespace rt::workload {
namespace {

long double real(Fixed x) { return static_cast<long double>(x) / (1LL << fixed_bits); }

/// Uniform words, and ones near both ends of their range.
std::vector<std::uint64_t> words_to_try() {
  std::vector<std::uint64_t> words{0, 1, 2, ~std::uint64_t{0}, ~std::uint64_t{1}, std::uint64_t{1} << 63};
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    const std::uint64_t word = random_words({.seed = 1}, i)[0] >> (i % 60);
    words.push_back(i % 3 == 0 ? ~word : word);
  }
  return words;
}

TEST(WorkloadLawTest, words_are_those_of_philox_4x64) {
  // numpy.random.Philox(key=[5, 7], counter=[2, 0, 0, 0]).random_raw(4): NumPy counts up before it draws.
  const Words expected{0xe439af90d428df97, 0x459860599909b4ba, 0xcbaf65f418fe46a3, 0x1b980c37d306cd26};
  EXPECT_EQ(random_words({5, 7}, 3), expected);
}

TEST(WorkloadLawTest, the_exponential_is_the_logarithm_to_a_part_in_1e9) {
  for (const std::uint64_t word : words_to_try()) {
    const long double above = static_cast<long double>(~word);  // (1 - u) 2^64
    const long double log = above < 1e18L ? -std::log1p(-above / 18446744073709551616.0L)
                                          : -std::log((static_cast<long double>(word) + 1) / 18446744073709551616.0L);
    const long double ours = static_cast<long double>(exponential_of(word)) / (1LL << fixed_bits);
    EXPECT_NEAR(static_cast<double>(ours), static_cast<double>(log), static_cast<double>(1e-9L * log + 1e-17L)) << word;
  }
}

TEST(WorkloadLawTest, the_normal_quantile_is_the_inverse_of_the_error_function) {
  for (const std::uint64_t word : words_to_try()) {
    const std::uint64_t tail = std::min(word, ~word);
    const long double p = (static_cast<long double>(tail) + 0.5L) / 18446744073709551616.0L;
    const long double z = std::fabs(real(normal_of(word)));
    const long double back = std::erfc(z / std::sqrt(2.0L)) / 2;
    const long double density = std::exp(-z * z / 2) / std::sqrt(8 * std::atan(1.0L));
    EXPECT_LE(std::fabs(back - p) / density, 1e-12L * (1 + z)) << word;
    EXPECT_EQ(normal_of(word) < 0, word < std::uint64_t{1} << 63) << word;
  }
}

TEST(WorkloadLawTest, the_power_of_e_is_right_to_a_part_in_1e15) {
  for (const std::uint64_t word : words_to_try()) {
    const Fixed x = static_cast<std::int64_t>(word) >> 1;  // -16 .. 16
    const Power power = power_of_e(x);
    const long double ours = std::ldexp(static_cast<long double>(power.mantissa), power.exponent - 62);
    EXPECT_NEAR(static_cast<double>(ours / std::exp(real(x))), 1, 1e-15) << x;
  }
}

TEST(WorkloadLawTest, square_root_and_logarithm_of_known_numbers) {
  constexpr Fixed one = Fixed{1} << fixed_bits;
  EXPECT_EQ(square_root(0), 0);
  EXPECT_EQ(square_root(static_cast<std::uint64_t>(4 * one)), 2 * one);
  EXPECT_EQ(log_of_q32(std::uint64_t{1} << 32), 0);
  EXPECT_NEAR(static_cast<double>(real(log_of_q32(std::uint64_t{10} << 32))), std::log(10), 1e-15);
}

// ---- laws -----------------------------------------------------------------------------------------------------------

constexpr std::int64_t mean_of(std::int64_t ns) { return ns << Law::mean_bits; }

struct Moments {
  double mean = 0, cv2 = 0;
};

Moments moments_of(const Law& law) {
  const Sampler sampler(law);
  constexpr int draws = 200'000;
  double sum = 0, squares = 0;
  for (std::uint64_t i = 0; i < draws; ++i) {
    const Words words = random_words({.seed = 81}, i);
    const auto value = static_cast<double>(sampler.draw(words[0], words[1]));
    sum += value;
    squares += value * value;
  }
  const double mean = sum / draws;
  return {mean, squares / draws / (mean * mean) - 1};
}

/// Balanced means, mean 10,000 ns, cv2 4.
Law two_branches() {
  const double p = (1 + std::sqrt(3.0 / 5.0)) / 2;
  return {Law::Kind::hyperexponential,
          static_cast<std::int64_t>(std::ldexp(p, 63)),
          static_cast<std::int64_t>(5000 / p * 65536),
          static_cast<std::int64_t>(5000 / (1 - p) * 65536),
          {}};
}

TEST(WorkloadLawTest, each_law_has_the_mean_and_the_variance_that_it_says) {
  const std::vector<std::int64_t> values{0, 20'000};
  struct Case {
    Law law;
    double cv2, tolerance;
  };
  const std::vector<Case> cases{{{Law::Kind::deterministic, mean_of(10'000)}, 0, 1e-12},
                                {{Law::Kind::exponential, mean_of(10'000)}, 1, 0.01},
                                {two_branches(), 4, 0.03},
                                {{Law::Kind::lognormal, mean_of(10'000), std::int64_t{2} << 32}, 2, 0.05},
                                {{Law::Kind::empirical, 0, 0, 0, values}, 1, 0.01}};
  for (const Case& it : cases) {
    const Moments found = moments_of(it.law);
    EXPECT_NEAR(found.mean / 10'000, 1, it.tolerance) << static_cast<int>(it.law.kind);
    EXPECT_NEAR(found.cv2, it.cv2, 4 * it.tolerance * (1 + it.cv2)) << static_cast<int>(it.law.kind);
  }
}

std::uint64_t hash_of(const Law& law) {
  const Sampler sampler(law);
  std::uint64_t hash = 14695981039346656037U;
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    const Words words = random_words({.seed = 7}, i);
    hash = (hash ^ sampler.draw(words[0], words[1])) * 1099511628211U;
  }
  return hash;
}

TEST(WorkloadLawTest, draws_are_the_same_on_every_machine) {
  EXPECT_EQ(hash_of({Law::Kind::exponential, mean_of(1'000'000)}), 6225978471088813599U);
  EXPECT_EQ(hash_of({Law::Kind::lognormal, mean_of(1'000'000), std::int64_t{3} << 31}), 18197676422427064250U);
  EXPECT_EQ(hash_of({Law::Kind::hyperexponential, std::int64_t{9} << 59, mean_of(600'000), mean_of(4'000'000)}),
            4370794449830607347U);
}

TEST(WorkloadLawTest, the_longest_draws_are_cut_and_do_not_wrap) {
  constexpr std::int64_t longest = std::numeric_limits<std::int64_t>::max();
  const Sampler sampler({Law::Kind::lognormal, longest, std::int64_t{1000} << 32});
  EXPECT_EQ(sampler.draw(~std::uint64_t{0}, 0), Sampler::most_drawn);
  EXPECT_LT(sampler.draw(0, 0), 1'000U);
  EXPECT_GT(Sampler({Law::Kind::exponential, longest}).draw(0, 0), Nanos{44} << 47);
}

TEST(WorkloadLawTest, numbers_that_are_no_law_are_refused) {
  const auto law = [](std::vector<std::int64_t> four, const std::vector<std::int64_t>& values) {
    return Law::from(four, values, "service");
  };
  EXPECT_THROW(static_cast<void>(law({5, 0, 0, 0}, {})), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(law({0, -1, 0, 0}, {})), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(law({3, 1, std::int64_t{1001} << 32, 0}, {})), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(law({4, 0, 0, 0}, {})), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(law({4, 0, 0, 0}, {-1})), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(law({0, 0, 0, 0}, {1})), std::invalid_argument);
}

}  // namespace
}  // namespace rt::workload
