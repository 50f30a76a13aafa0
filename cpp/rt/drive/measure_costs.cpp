#include "rt/drive/measure_costs.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <thread>

#include "rt/core/inject.hpp"
#include "rt/core/queue.hpp"
#include "rt/drive/threads.hpp"
#include "rt/env/os_thread.hpp"
#include "rt/env/thread_env.hpp"
#include "rt/task/coroutine.hpp"
#include "rt/task/leaf.hpp"
#include "rt/task/spawn.hpp"
#include "rt/time/driver.hpp"

namespace rt {
namespace {

constexpr std::size_t batch = 128;  // operations between two looks at the clock, whose 20 ns then do not show

struct Item {
  Item* queue_next = nullptr;
};
using ItemRing = Ring<ThreadEnv, Item>;

struct NoOverflow {
  void push(Item*) {}
  void push_batch(Item*, Item*, std::size_t) {}
};

/// Of one look at the clock.
double clock_ns() {
  const Nanos begin = steady_now();
  for (std::size_t i = 1; i < batch; ++i) static_cast<void>(steady_now());
  return static_cast<double>(steady_now() - begin) / static_cast<double>(batch);
}

/// Ties this thread to the CPU after the first one (`second`), or to the first: what passes between two threads passes between CPUs.
void sit_on(bool second) {
  const auto cpus = usable_cpus();
  if (cpus.size() > 1) static_cast<void>(pin_this_thread(cpus[second ? 1 : 0]));
}

/// On a thread of its own, tied to the first CPU.
template <class F>
void on_first_cpu(F&& function) {
  std::thread([&] {
    sit_on(false);
    function();
  }).join();
}

double per_unit(Nanos from, Nanos to, std::size_t n) { return static_cast<double>(to - from) / static_cast<double>(n); }

/// The owner alone: push a batch, pop a batch.
void measure_own_queue(std::uint32_t rounds, MeasuredCost& push, MeasuredCost& pop) {
  ItemRing ring;
  NoOverflow none;
  std::array<Item, batch> items;
  for (std::uint32_t i = 0; i < rounds; ++i) {
    const Nanos begin = steady_now();
    for (Item& item : items) static_cast<void>(ring.push_back_or_overflow(&item, none));
    const Nanos between = steady_now();
    for (std::size_t k = 0; k < batch; ++k) static_cast<void>(ring.pop());
    const Nanos end = steady_now();
    push.samples.push_back(per_unit(begin, between, batch));
    pop.samples.push_back(per_unit(between, end, batch));
  }
}

/// Two threads take turns: the owner prepares many rings, then a thief takes from each; the clock is the thief's. With 2 tasks in a
/// ring it takes one, which is what a steal costs; with 64 it takes 32, which says what the others cost; with none it looks in vain.
void measure_steals(std::uint32_t rounds, MeasuredCost& hit, MeasuredCost& miss, MeasuredCost& move) {
  constexpr std::size_t rings = 32;
  constexpr std::array<std::size_t, 3> sizes{2, 64, 0};
  std::vector<std::unique_ptr<ItemRing>> victims;
  for (std::size_t i = 0; i < rings; ++i) victims.push_back(std::make_unique<ItemRing>());
  std::vector<Item> items(rings * 64);
  std::atomic<std::uint64_t> turn{0};  // even: the owner's; odd: the thief's
  const auto await_turn = [&turn](std::uint64_t mine) {
    // acquire: pairs with the other's release; what it has put into the rings is seen. Yields, since there may be one CPU.
    while (turn.load(acquire) != mine) std::this_thread::yield();
  };
  const std::uint64_t turns = std::uint64_t{rounds} * sizes.size();
  std::thread owner([&] {
    sit_on(true);
    NoOverflow none;
    for (std::uint64_t t = 0; t < turns; ++t) {
      await_turn(2 * t);
      auto next = items.begin();
      for (const auto& ring : victims) {
        static_cast<void>(ring->push_back_or_overflow(&*next, none));  // also an empty ring has been written to
        while (ring->pop() != nullptr) {
        }
        for (std::size_t k = 0; k < sizes[t % sizes.size()]; ++k) static_cast<void>(ring->push_back_or_overflow(&*next++, none));
      }
      turn.store(2 * t + 1, release);  // pairs with await_turn()
    }
  });
  const double clock = clock_ns();
  std::array<double, sizes.size()> each{};
  for (std::uint64_t t = 0; t < turns; ++t) {
    await_turn(2 * t + 1);
    ItemRing mine;
    std::uint32_t stolen = 0;
    Nanos spent = 0;
    for (const auto& ring : victims) {
      const Nanos begin = steady_now();
      static_cast<void>(ring->steal_into(mine, stolen, StealAmount{}));
      spent += steady_now() - begin;
      while (mine.pop() != nullptr) {
      }
    }
    turn.store(2 * t + 2, release);  // pairs with await_turn()
    each[t % sizes.size()] = std::max(0.0, static_cast<double>(spent) / static_cast<double>(rings) - clock);
    if (t % sizes.size() != sizes.size() - 1) continue;
    move.samples.push_back(std::max(0.0, (each[1] - each[0]) / static_cast<double>(sizes[1] / 2 - sizes[0] / 2)));
    hit.samples.push_back(std::max(0.0, each[0] - move.samples.back()));
    miss.samples.push_back(each[2]);
  }
  owner.join();
}

/// One visit: lock, take or put one, unlock.
void measure_inject(std::uint32_t rounds, MeasuredCost& inject) {
  Inject<ThreadEnv, Item> queue;
  Inject<ThreadEnv, Item>::Synced synced;
  std::mutex mutex;
  std::array<Item, batch> items;
  for (std::uint32_t i = 0; i < rounds; ++i) {
    const Nanos begin = steady_now();
    for (Item& item : items) {
      const std::lock_guard lock(mutex);
      static_cast<void>(queue.push(synced, &item));
    }
    for (std::size_t k = 0; k < batch; ++k) {
      const std::lock_guard lock(mutex);
      static_cast<void>(queue.pop(synced));
    }
    inject.samples.push_back(per_unit(begin, steady_now(), 2 * batch));
  }
}

void measure_timers(std::uint32_t rounds, MeasuredCost& timers) {
  TimeDriver driver(steady_now(), [](std::uint32_t) {});
  for (std::uint32_t i = 0; i < rounds; ++i) {
    const Nanos begin = steady_now();
    for (std::size_t k = 0; k < batch; ++k) {
      if (driver.try_take_baton()) {
        driver.advance(begin);
        driver.release_baton();
      }
    }
    timers.samples.push_back(per_unit(begin, steady_now(), batch));
  }
}

/// Lying down without sleeping; then a sleeper is woken, one at a time.
void measure_sleep(std::uint32_t rounds, MeasuredCost& park, MeasuredCost& unpark, MeasuredCost& latency) {
  ThreadEnv::wake_slot own;
  for (std::uint32_t i = 0; i < rounds; ++i) {
    const Nanos begin = steady_now();
    for (std::size_t k = 0; k < batch; ++k) static_cast<void>(own.wait(1));  // the deadline is past
    park.samples.push_back(per_unit(begin, steady_now(), batch));
  }
  ThreadEnv::wake_slot slot;
  std::atomic<Nanos> woken_at{1};
  std::atomic<bool> is_over{false};
  std::thread sleeper([&] {
    sit_on(true);
    for (;;) {
      static_cast<void>(slot.wait(no_deadline));
      if (is_over.load(acquire)) return;      // pairs with the release below
      woken_at.store(steady_now(), release);  // pairs with the acquire below
    }
  });
  for (std::uint32_t i = 0; i < rounds; ++i) {
    woken_at.store(0, relaxed);                                  // relaxed: the notify below orders it
    std::this_thread::sleep_for(std::chrono::microseconds(50));  // it is asleep by then; if not, the sample is a short one
    const Nanos begin = steady_now();
    slot.notify();
    const Nanos notified = steady_now();
    while (woken_at.load(acquire) == 0) std::this_thread::yield();  // pairs with the release above
    unpark.samples.push_back(static_cast<double>(notified - begin));
    const Nanos woken = woken_at.load(relaxed);  // relaxed: seen above
    latency.samples.push_back(static_cast<double>(woken > notified ? woken - notified : 0));
  }
  is_over.store(true, release);  // pairs with the acquire above
  slot.notify();
  sleeper.join();
}

struct Lives {
  double spawn;  // making a task and queueing it
  double poll;   // taking a task, polling it, ending it
};

Task<void> nothing() { co_return; }

Task<Lives> live(std::size_t tasks) {
  Home& home = *current()->home;
  const Nanos begin = home.now();
  for (std::size_t i = 0; i < tasks; ++i) static_cast<void>(spawn(nothing));
  const Nanos spawned = home.now();
  co_await yield_now();  // behind them all
  const Nanos polled = home.now();
  co_return Lives{per_unit(begin, spawned, tasks), per_unit(spawned, polled, tasks)};
}

/// On a scheduler of one worker. What pushing and popping cost has been measured alone and is taken off.
void measure_tasks(std::uint32_t rounds, double push_ns, double pop_ns, MeasuredCost& spawned, MeasuredCost& poll) {
  SchedulerOptions options;
  options.workers = 1;
  const auto drive = ThreadDrive::start(options, {});
  Context context;
  context.home = &drive->shared();
  for (std::uint32_t i = 0; i < rounds; ++i) {
    JoinHandle<Lives> root = [&] {
      const ContextScope scope(context);
      return spawn(live, batch);
    }();
    const Lives lives = std::move(root).get();
    spawned.samples.push_back(std::max(0.0, lives.spawn - push_ns));
    poll.samples.push_back(std::max(0.0, lives.poll - pop_ns));
  }
  drive->close();
  drive->wait_ended(no_deadline);
}

double median(std::vector<double> of) {
  const auto middle = of.begin() + static_cast<std::ptrdiff_t>(of.size() / 2);
  std::nth_element(of.begin(), middle, of.end());
  return *middle;
}

}  // namespace

std::vector<MeasuredCost> measure_costs(std::uint32_t rounds) {
  std::vector<MeasuredCost> all;
  for (std::size_t i = 0; i < static_cast<std::size_t>(Cost::count); ++i) all.push_back({static_cast<Cost>(i), {}});
  const auto of = [&](Cost cost) -> MeasuredCost& { return all[static_cast<std::size_t>(cost)]; };
  measure_own_queue(rounds, of(Cost::push), of(Cost::pop));
  on_first_cpu([&] { measure_steals(rounds, of(Cost::steal_hit), of(Cost::steal_miss), of(Cost::move)); });
  measure_inject(rounds, of(Cost::inject));
  measure_timers(rounds, of(Cost::timers));
  on_first_cpu([&] { measure_sleep(rounds, of(Cost::park), of(Cost::unpark), of(Cost::wake_latency)); });
  measure_tasks(rounds, median(of(Cost::push).samples), median(of(Cost::pop).samples), of(Cost::spawn), of(Cost::poll));
  return all;
}

}  // namespace rt
