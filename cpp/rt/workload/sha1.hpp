// SHA-1 of a short message, as the streams of Unbalanced Tree Search need it. Source: FIPS 180-4. Not for security.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace rt::workload {

using Sha1Digest = std::array<std::uint8_t, 20>;

/// Of at most 55 bytes: one block.
[[nodiscard]] Sha1Digest sha1(std::span<const std::uint8_t> message);

}  // namespace rt::workload
