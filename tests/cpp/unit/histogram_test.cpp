// Is the arithmetic of the buckets right: no gap, no overlap, the promised width, a clear error for what cannot be?
#include "rt/observe/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using rt::H2;
using rt::HistogramConfig;
using rt::Linear;

constexpr std::uint64_t max_ns = std::numeric_limits<std::uint64_t>::max();

/// The bucket of a value by looking through the edges: slow and plain.
std::uint32_t bucket_by_edges(const std::vector<std::uint64_t>& edges, std::uint64_t value) {
  const auto after = std::upper_bound(edges.begin(), edges.end() - 1, value);
  return static_cast<std::uint32_t>(after - edges.begin() - 1);
}

void check_all_laws(const HistogramConfig& config) {
  const auto edges = config.edges();
  ASSERT_EQ(edges.size(), config.buckets() + std::size_t{1});
  ASSERT_EQ(edges.front(), 0u);
  ASSERT_EQ(edges.back(), max_ns);
  for (std::uint32_t bucket = 0; bucket < config.buckets(); ++bucket) {
    ASSERT_LT(edges[bucket], edges[bucket + 1]) << "bucket " << bucket;
    ASSERT_EQ(config.bucket_of(edges[bucket]), bucket);
    ASSERT_EQ(config.bucket_of(edges[bucket + 1] - 1), bucket);
  }
  ASSERT_EQ(config.bucket_of(max_ns), config.buckets() - 1);
  std::mt19937_64 random(81);
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t value = random() >> (random() % 64);
    ASSERT_EQ(config.bucket_of(value), bucket_by_edges(edges, value)) << value;
  }
}

template <class Config>
std::string error_of(const Config& config) {
  try {
    HistogramConfig checked(config);
    return "accepted";
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
}

TEST(Histogram, the_default_has_119_buckets_from_100_ns_to_2_to_the_36) {
  const HistogramConfig config;
  EXPECT_EQ(config, HistogramConfig(H2{100, 60'000'000'000, 2}));
  EXPECT_EQ(config.buckets(), 119u);
  const auto edges = config.edges();
  EXPECT_EQ(edges[1], 96u);  // the first edge at or below 100 ns ends the first bucket
  EXPECT_EQ(edges[2], 112u);
  EXPECT_EQ(edges[118], std::uint64_t{7} << 33);  // the last of the four steps below 2^36; what is longer falls here too
  check_all_laws(config);
}

TEST(Histogram, the_default_linear_one_has_ten_buckets_of_100_us) {
  const HistogramConfig config(Linear{});
  EXPECT_EQ(config.buckets(), 10u);
  EXPECT_EQ(config.edges()[3], 300'000u);
  EXPECT_EQ(config.bucket_of(99'999), 0u);
  EXPECT_EQ(config.bucket_of(100'000), 1u);
  EXPECT_EQ(config.bucket_of(900'000), 9u);
  check_all_laws(config);
}

TEST(Histogram, every_precision_and_range_covers_every_value_once) {
  for (std::uint32_t precision = 0; precision <= 10; ++precision) {
    for (const std::uint64_t low : {0u, 1u, 2u, 100u, 1023u, 1024u, 1'000'000u}) {
      for (const std::uint64_t high : {low + 1, low + 2, low * 3 + 5, std::uint64_t{60'000'000'000}, max_ns / 2 + 1, max_ns}) {
        SCOPED_TRACE(testing::Message() << "p=" << precision << " low=" << low << " high=" << high);
        check_all_laws(HistogramConfig(H2{low, high, precision}));
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(Histogram, linear_ones_cover_every_value_once) {
  for (const std::uint64_t width : {std::uint64_t{1}, std::uint64_t{3}, std::uint64_t{100'000}, max_ns / 100}) {
    for (const std::uint32_t buckets : {1u, 2u, 10u, 99u}) check_all_laws(HistogramConfig(Linear{width, buckets}));
  }
  check_all_laws(HistogramConfig(Linear{max_ns, 1}));
  check_all_laws(HistogramConfig(Linear{max_ns - 1, 2}));
}

TEST(Histogram, a_bucket_between_low_and_high_is_no_wider_than_the_precision_allows) {
  for (std::uint32_t precision = 0; precision <= 10; ++precision) {
    const HistogramConfig config(H2{100, 60'000'000'000, precision});
    const auto edges = config.edges();
    for (std::uint32_t bucket = 1; bucket + 1 < config.buckets(); ++bucket) {
      const std::uint64_t widest_error = edges[bucket + 1] - edges[bucket] - 1;
      ASSERT_LE(widest_error << precision, edges[bucket]) << "p=" << precision << " bucket " << bucket;
    }
    EXPECT_LE(edges[1], 100u);
    EXPECT_GT(edges[config.buckets() - 1], 30'000'000'000u);
  }
}

TEST(Histogram, high_is_rounded_up_to_a_power_of_two_and_no_further) {
  EXPECT_EQ(HistogramConfig(H2{0, 1023, 2}).buckets(), 36u);  // 9 rows of 4: up to 2^10
  EXPECT_EQ(HistogramConfig(H2{0, 1024, 2}).buckets(), 36u);
  EXPECT_EQ(HistogramConfig(H2{0, 1025, 2}).buckets(), 40u);
}

TEST(Histogram, the_finest_one_over_the_whole_range_is_allowed) {
  EXPECT_EQ(HistogramConfig(H2{0, max_ns, 10}).buckets(), 55u * 1024u);
  EXPECT_LE(HistogramConfig(H2{0, max_ns, 10}).buckets(), rt::tuning::max_histogram_buckets);
}

TEST(Histogram, an_impossible_choice_names_the_value_and_what_is_allowed) {
  EXPECT_EQ(error_of(H2{100, 1000, 11}), "H2: precision=11; need 0 to 10");
  EXPECT_EQ(error_of(H2{1000, 1000, 2}), "H2: low=1000; need less than high, which is 1000 ns");
  EXPECT_EQ(error_of(H2{0, 0, 2}), "H2: low=0; need less than high, which is 0 ns");
  EXPECT_EQ(error_of(Linear{0, 10}), "Linear: width=0; need at least 1 ns");
  EXPECT_EQ(error_of(Linear{1, 0}), "Linear: buckets=0; need 1 to 65536");
  EXPECT_EQ(error_of(Linear{1, 65'537}), "Linear: buckets=65537; need 1 to 65536");
  EXPECT_EQ(error_of(Linear{max_ns, 2}),
            "Linear: width=18446744073709551615; need at most 18446744073709551614 ns with 2 buckets");
}

TEST(HistogramBatch, publishes_totals_and_only_when_told) {
  const HistogramConfig config(Linear{10, 4});
  rt::HistogramBatch batch(config);
  rt::HistogramCells cells(config);
  for (const std::uint64_t ns : {0, 35, 36, 1000}) batch.measure(ns);
  EXPECT_EQ(cells.counts(), (std::vector<std::uint64_t>{0, 0, 0, 0}));
  batch.submit(cells);
  EXPECT_EQ(cells.counts(), (std::vector<std::uint64_t>{1, 0, 0, 3}));
  batch.submit(cells);
  EXPECT_EQ(cells.counts(), (std::vector<std::uint64_t>{1, 0, 0, 3}));
  batch.measure(15);
  batch.measure(5);
  batch.submit(cells);
  EXPECT_EQ(cells.counts(), (std::vector<std::uint64_t>{2, 1, 0, 3}));
}

}  // namespace
