#include "rt/workload/one_shot.hpp"

namespace rt::workload {

void OneShotSender::close() {
  OneShotCell* cell = std::exchange(cell_, nullptr);
  if (cell == nullptr) return;
  // acq_rel: the value is published to the receiver's acquire; a receiver that has gone must have seen its last step.
  const std::uintptr_t before = cell->word.exchange(OneShotCell::closed, acq_rel);
  if (before == OneShotCell::unheard) {
    delete cell;
  } else if (before != OneShotCell::nobody) {
    auto& task = *reinterpret_cast<Header*>(before);  // from here on the cell is the receiver's
    wake(task);
    drop_reference(task);
  }
}

OneShotReceiver::~OneShotReceiver() {
  if (cell_ == nullptr) return;
  // acq_rel: pairs with the sender's exchange; the later of the two frees.
  const std::uintptr_t before = cell_->word.exchange(OneShotCell::unheard, acq_rel);
  if (before == OneShotCell::closed) {
    delete cell_;
  } else if (before != OneShotCell::nobody) {
    drop_reference(*reinterpret_cast<Header*>(before));
  }
}

bool OneShotReceive::poll(Header& task) {
  if (!coop::proceed(task)) return false;
  // acquire: pairs with the sender's exchange; the value is read next.
  std::uintptr_t word = cell_.word.load(acquire);
  if (word == OneShotCell::nobody) {
    task.state.add_ref();
    // release: the reference is there before the address is. acquire on failure: as above.
    if (!cell_.word.compare_exchange_strong(word, reinterpret_cast<std::uintptr_t>(&task), release, acquire)) {
      drop_reference(task);
    }
  }
  if (word == OneShotCell::closed) return true;
  coop::give_back();
  return false;
}

}  // namespace rt::workload
