#include "rt/workload/countdown.hpp"

namespace rt::workload {

void Ticket::hand_in() {
  Countdown* state = std::exchange(state_, nullptr);
  if (state == nullptr) return;
  const std::uint64_t change = (std::uint64_t{credits_} << Countdown::credit_shift) - shares_;
  // acq_rel: the last one out must have seen what all the others did, and passes it on with the exchange below.
  const std::uint64_t before = state->word_.fetch_add(change, acq_rel);
  if (static_cast<std::uint32_t>(before) != shares_) return;
  // acq_rel: pairs with the owner's exchange and with Drained::poll(). From here on the countdown is the owner's.
  const std::uintptr_t waiter = state->waiter_.exchange(Countdown::drained, acq_rel);
  if (waiter == Countdown::abandoned) {
    delete state;
  } else if (waiter != Countdown::nobody) {
    auto& task = *reinterpret_cast<Header*>(waiter);
    wake(task);
    drop_reference(task);
  }
}

OwnerBase::~OwnerBase() {
  if (state_ == nullptr) return;
  // acq_rel: pairs with the exchange in hand_in(); the later of the two frees, and must have seen the other's last step.
  const std::uintptr_t waiter = state_->waiter_.exchange(Countdown::abandoned, acq_rel);
  if (waiter == Countdown::drained) {
    delete state_;
  } else if (waiter != Countdown::nobody) {
    drop_reference(*reinterpret_cast<Header*>(waiter));
  }
}

bool Drained::poll(Header& task) {
  if (!coop::proceed(task)) return false;
  // acquire: pairs with the exchange in hand_in(); the tasks' results are read next.
  std::uintptr_t waiter = state_.waiter_.load(acquire);
  if (waiter == Countdown::nobody) {
    task.state.add_ref();
    // release: the header's reference is there before its address is. acquire on failure: as above.
    if (!state_.waiter_.compare_exchange_strong(waiter, reinterpret_cast<std::uintptr_t>(&task), release, acquire)) {
      drop_reference(task);
    }
  }
  if (waiter == Countdown::drained) return true;
  coop::give_back();
  return false;
}

std::int64_t Drained::take() const {
  // relaxed: poll() has already synchronised with the last ticket.
  return static_cast<std::int64_t>(state_.word_.load(relaxed) >> Countdown::credit_shift);
}

}  // namespace rt::workload
