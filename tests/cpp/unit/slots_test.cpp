// Free slots go round, through a thread's cache and the depot: each has one owner at a time, and none is lost.
#include "rt/task/slots.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace rt {
namespace {

/// Freed with the last slot that is held.
class Slots : public ::testing::Test {
 public:
  Slots() = default;
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;
  ~Slots() override { registry.orphan(nullptr); }

  SlotRegistry& registry = *SlotRegistry::create();
};

TEST_F(Slots, S2_no_slot_is_given_out_twice) {
  SlotCache cache(registry);
  for (const std::size_t count : {1000U, 3000U, 1000U}) {  // more than before, so that the depot's are needed too
    std::set<Header*> taken;
    for (std::size_t i = 0; i < count; ++i) taken.insert(&registry.take(16, 64, &cache));
    ASSERT_EQ(taken.size(), count);
    for (Header* slot : taken) cache.give(*slot);
  }
}

TEST_F(Slots, S16_what_a_cache_gives_back_is_used_again) {
  std::vector<std::size_t> footprints;
  for (int thread = 0; thread < 100; ++thread) {
    Header* slot = nullptr;
    {
      SlotCache cache(registry);
      slot = &registry.take(16, 64, &cache);
    }
    SlotRegistry::give(*slot);
    footprints.push_back(registry.footprint());
  }
  EXPECT_EQ(footprints.back(), footprints.front());
}

}  // namespace
}  // namespace rt
