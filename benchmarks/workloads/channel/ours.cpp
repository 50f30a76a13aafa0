// What does an element cost on its way through a bounded channel from one task to another?
// Read next: spec.json for the sizes, tokio.rs for the same work on Tokio.

#include "workloads.hpp"

#include "rt/sync/channel.hpp"

#include <utility>

namespace {

using Sender = decltype(rt::channel<std::uint64_t>(1).first);
using Receiver = decltype(rt::channel<std::uint64_t>(1).second);

std::uint64_t sum;  // the signal's mutex hands it on
bench::Signal done;

rt::Task<void> produce(Sender sender, std::uint64_t elements) {
  for (std::uint64_t element = 0; element < elements; ++element) co_await sender.send(element);
}

rt::Task<void> consume(Receiver receiver, std::uint64_t elements) {
  std::uint64_t received = 0;
  for (std::uint64_t element = 0; element < elements; ++element) received += co_await receiver.recv();
  sum = received;
  done.raise();
}

}  // namespace

std::uint64_t bench::channel(rt::Runtime& runtime, const Sizes& sizes) {
  const auto elements = size(sizes, "elements");
  auto [sender, receiver] = rt::channel<std::uint64_t>(size(sizes, "capacity"));
  runtime.spawn(produce, std::move(sender), elements);
  runtime.spawn(consume, std::move(receiver), elements);
  done.wait();
  return sum;
}
