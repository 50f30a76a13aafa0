#include "rt/workload/law.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "rt/workload/counter_random.hpp"
#include "rt/workload/fixed_point.hpp"

namespace rt::workload {
namespace {

/// value / 2^shift, rounded to nearest.
Nanos scaled_down(UnsignedWide value, int shift) {
  if (shift >= 128) return 0;
  if (shift <= 0) return Sampler::most_drawn;  // not reached by a law that was checked
  const UnsignedWide result = ((value >> (shift - 1)) + 1) >> 1;
  return static_cast<Nanos>(std::min<UnsignedWide>(result, Sampler::most_drawn));
}

Nanos exponential_draw(std::int64_t mean, std::uint64_t word) {
  return scaled_down(UnsignedWide{static_cast<std::uint64_t>(mean)} * exponential_of(word), fixed_bits + Law::mean_bits);
}

[[noreturn]] void refuse_law(const char* name, const std::string& what) { throw std::invalid_argument(name + (": " + what)); }

}  // namespace

Law Law::from(std::span<const std::int64_t> four, std::span<const std::int64_t> values, const char* name) {
  Law law{Kind::deterministic, four[1], four[2], four[3], values};
  if (four[0] < 0 || four[0] >= static_cast<std::int64_t>(Kind::count))
    refuse_law(name, "law " + std::to_string(four[0]) + " is unknown");
  law.kind = static_cast<Kind>(four[0]);
  if (law.a < 0 || law.b < 0 || law.c < 0) refuse_law(name, "a law's numbers must not be negative");
  if (law.kind == Kind::lognormal && law.b > std::int64_t{1000} << 32)
    refuse_law(name, "cv2 of a lognormal law; need at most 1000");
  if ((law.kind == Kind::empirical) == values.empty()) refuse_law(name, "values belong to an empirical law, and it needs some");
  const auto wrong = std::find_if(values.begin(), values.end(), [](std::int64_t value) {
    return value < 0 || static_cast<Nanos>(value) > Sampler::most_drawn;
  });
  if (wrong != values.end()) refuse_law(name, std::to_string(*wrong) + " ns; need 0..2^62 - 1");
  return law;
}

Sampler::Sampler(const Law& law) : law_(law) {
  if (law.kind != Law::Kind::lognormal) return;
  const Fixed square = log_of_q32((std::uint64_t{1} << 32) + static_cast<std::uint64_t>(law.b));
  sigma_ = square_root(static_cast<std::uint64_t>(square));
  half_square_ = square / 2;
}

Nanos Sampler::draw(std::uint64_t word, std::uint64_t other) const {
  switch (law_.kind) {
    case Law::Kind::deterministic: return scaled_down(static_cast<std::uint64_t>(law_.a), Law::mean_bits);
    case Law::Kind::exponential: return exponential_draw(law_.a, word);
    case Law::Kind::hyperexponential:
      return exponential_draw(static_cast<std::int64_t>(other >> 1) < law_.a ? law_.b : law_.c, word);
    case Law::Kind::lognormal: {
      const auto swing = static_cast<Fixed>((Wide{sigma_} * normal_of(word)) >> fixed_bits);
      const Power power = power_of_e(swing - half_square_);
      return scaled_down(UnsignedWide{static_cast<std::uint64_t>(law_.a)} * power.mantissa, 62 + Law::mean_bits - power.exponent);
    }
    case Law::Kind::empirical: {
      const UnsignedWide position = (UnsignedWide{word} * law_.values.size()) >> 64;
      return static_cast<Nanos>(law_.values[static_cast<std::size_t>(position)]);
    }
    case Law::Kind::count: break;
  }
  return 0;
}

}  // namespace rt::workload
