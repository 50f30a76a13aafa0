#include "rt/drive/block_on.hpp"

#include <algorithm>
#include <thread>

#include "rt/task/context.hpp"
#include "rt/task/lane.hpp"
#include "rt/task/poll.hpp"
#include "rt/time/driver.hpp"

namespace rt {
namespace {

constexpr Nanos question_interval = 20'000'000;

}  // namespace

void ThreadHome::schedule(Header&, Ready) {
  // release: pairs with the acquire in poll_if_ready(). Only one reference of the queue is on its way at a time: the
  // task is marked notified until it is polled.
  ready_.store(true, release);
  parker_.notify();
}

void ThreadHome::ended(Header&, Context*) {
  parker_.notify();
  is_left_.store(true, release);  // release: pairs with the acquire in drive(), behind which this object goes
}

void ThreadHome::poll_if_ready(Header& task) {
  // acq_rel: acquire pairs with schedule().
  if (!ready_.exchange(false, acq_rel)) return;
  if (task.lane != nullptr) task.lane->enter();
  Lane* lane = task.lane;
  run_task(task);
  if (lane != nullptr) lane->leave();
}

/// Once the workers have left, who waits for a timer fires it itself (Tokio #6463). Until when it may sleep.
Nanos ThreadHome::look_after_timers() {
  TimeDriver& timers = runtime_.timers();
  if (!timers.is_abandoned()) return no_deadline;
  if (timers.try_take_baton()) {
    timers.advance(steady_now());
    timers.release_baton();
  }
  return timers.next_deadline();
}

void ThreadHome::drive(Header& task, const std::function<bool()>& interrupted) {
  task.born.store(now(), relaxed);  // relaxed: a figure for a dump
  bool asked_to_end = false;
  const auto must_ask = [&] { return interrupted && !asked_to_end; };
  ready_.store(true, relaxed);  // relaxed: nobody else knows the task yet
  for (;;) {
    poll_if_ready(task);
    if (task.state.load().is_complete()) {
      while (!is_left_.load(acquire)) std::this_thread::yield();  // another thread ended it just now; acquire: see ended()
      return;
    }
    // Only a token lets us poll: it is the last thing that schedule() does with this object, and the task may end in
    // the poll, and this object with it.
    const auto until = [&] { return std::min(look_after_timers(), must_ask() ? steady_now() + question_interval : no_deadline); };
    while (!parker_.wait(until())) {
      if (!must_ask() || !interrupted()) continue;
      asked_to_end = true;
      request_cancel(task);
    }
  }
}

}  // namespace rt
