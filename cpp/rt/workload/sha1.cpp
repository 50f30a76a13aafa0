#include "rt/workload/sha1.hpp"

#include <algorithm>
#include <bit>

namespace rt::workload {
namespace {

constexpr std::size_t block_bytes = 64;

std::uint32_t big_endian(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

}  // namespace

Sha1Digest sha1(std::span<const std::uint8_t> message) {
  std::array<std::uint8_t, block_bytes> block{};
  std::copy(message.begin(), message.end(), block.begin());
  block[message.size()] = 0x80;
  block[block_bytes - 2] = static_cast<std::uint8_t>(message.size() * 8 >> 8);
  block[block_bytes - 1] = static_cast<std::uint8_t>(message.size() * 8);

  std::array<std::uint32_t, 80> words{};
  for (std::size_t i = 0; i < 16; ++i) words[i] = big_endian(&block[4 * i]);
  for (std::size_t i = 16; i < 80; ++i) words[i] = std::rotl(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);

  constexpr std::array<std::uint32_t, 5> start{0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
  auto [a, b, c, d, e] = start;
  const auto step = [&](std::uint32_t mixed, std::uint32_t constant, std::uint32_t word) {
    const std::uint32_t next = std::rotl(a, 5) + mixed + e + constant + word;
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  };
  for (std::size_t i = 0; i < 20; ++i) step((b & c) | (~b & d), 0x5A827999, words[i]);
  for (std::size_t i = 20; i < 40; ++i) step(b ^ c ^ d, 0x6ED9EBA1, words[i]);
  for (std::size_t i = 40; i < 60; ++i) step((b & c) | (b & d) | (c & d), 0x8F1BBCDC, words[i]);
  for (std::size_t i = 60; i < 80; ++i) step(b ^ c ^ d, 0xCA62C1D6, words[i]);

  const std::array<std::uint32_t, 5> sums{start[0] + a, start[1] + b, start[2] + c, start[3] + d, start[4] + e};
  Sha1Digest digest{};
  for (std::size_t i = 0; i < digest.size(); ++i) digest[i] = static_cast<std::uint8_t>(sums[i / 4] >> (24 - 8 * (i % 4)));
  return digest;
}

}  // namespace rt::workload
