// libFuzzer's way into program_input.hpp. Run by scripts/fuzz.sh; a unit test runs the same function over the corpus.
#include <cstddef>
#include <cstdint>

#include "fuzz/program_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static_cast<void>(rt::fuzz::try_program({data, size}));
  return 0;
}
