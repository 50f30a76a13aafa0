// Which random words belong to job number i? A function of (seed, stream, i) alone, whatever ran before.
//
// Philox 4x64 with 10 rounds: a block cipher of a counter (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2,
// 3", SC 2011; the constants are theirs). So a job's size does not depend on when, where or under which policy it runs. Invariant:
// integers only, hence the same words on every machine; the tests compare with NumPy's own Philox. Read next: law.hpp.
#pragma once

#include <array>
#include <cstdint>

namespace rt::workload {

__extension__ using Wide = __int128;
__extension__ using UnsignedWide = unsigned __int128;

using Words = std::array<std::uint64_t, 4>;

struct RandomKey {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;  // workloads use 0; others keep away from it
};

/// The four words of one number.
[[nodiscard]] inline Words random_words(RandomKey key, std::uint64_t number) {
  constexpr std::uint64_t multiplier0 = 0xD2E7470EE14C6C93, multiplier1 = 0xCA5A826395121157;
  constexpr std::uint64_t step0 = 0x9E3779B97F4A7C15, step1 = 0xBB67AE8584CAA73B;
  Words words{number, 0, 0, 0};
  for (int round = 0; round < 10; ++round) {
    const UnsignedWide product0 = UnsignedWide{multiplier0} * words[0];
    const UnsignedWide product1 = UnsignedWide{multiplier1} * words[2];
    words = {static_cast<std::uint64_t>(product1 >> 64) ^ words[1] ^ key.seed, static_cast<std::uint64_t>(product1),
             static_cast<std::uint64_t>(product0 >> 64) ^ words[3] ^ key.stream, static_cast<std::uint64_t>(product0)};
    key.seed += step0;
    key.stream += step1;
  }
  return words;
}

}  // namespace rt::workload
