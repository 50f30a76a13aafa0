// Small programs with a known fault, for the tests of the explorer itself.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "rt/drive/explore.hpp"

namespace rt {

/// Two threads count without seeing each other.
inline void lose_an_update(Model& m) {
  auto counter = std::make_shared<ModelEnv::atomic<std::uint32_t>>(0);
  for (int i = 0; i < 2; ++i) {
    m.thread([=] { counter->store(counter->load(seq_cst) + 1, seq_cst); });
  }
  m.after([=] { MODEL_CHECK(counter->load(relaxed) == 2); });
}

/// Two locks, taken in two orders.
inline void deadlock(Model& m) {
  auto locks = std::make_shared<std::array<ModelEnv::mutex, 2>>();
  for (const std::size_t first : {0U, 1U}) {
    m.thread([=] {
      (*locks)[first].lock();
      (*locks)[1 - first].lock();
      (*locks)[1 - first].unlock();
      (*locks)[first].unlock();
    });
  }
}

}  // namespace rt
