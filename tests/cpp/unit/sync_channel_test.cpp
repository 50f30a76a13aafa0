// Channel and one-shot: order, bounds, the end, and what a cancelled wait leaves behind.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "rt/sync/channel.hpp"
#include "rt/sync/oneshot.hpp"
#include "sync_home.hpp"

namespace rt {
namespace {

using testing_home::QueueHome;
using testing_home::result;
using Box = std::unique_ptr<int>;
using Log = std::vector<int>;

Box box(int value) { return std::make_unique<int>(value); }

Task<void> send_one(Sender<Box> tx, int value) { co_await tx.send(box(value)); }

Task<void> send_through(std::optional<Sender<Box>>* tx, int value) { co_await (*tx)->send(box(value)); }

Task<int> receive_one(Receiver<Box> rx) { co_return *co_await rx.recv(); }

Task<void> receive_all(Receiver<Box> rx, Log* log) {
  while (auto value = co_await rx.next()) log->push_back(**value);
}

Task<int> await_oneshot(OneshotReceiver<Box> rx) { co_return *co_await rx; }

TEST(Channel, ValuesComeOutAsTheyWentInAndSendersWaitInOrder) {
  QueueHome home;
  auto [tx, rx] = channel<Box>(2);
  std::vector<JoinHandle<void>> senders;
  for (int i = 0; i < 6; ++i) senders.push_back(home.spawn(send_one, tx, i));
  home.run();
  EXPECT_EQ(rx.size(), 2U);
  EXPECT_TRUE(senders[1].done());
  EXPECT_FALSE(senders[2].done());
  Log log;
  home.spawn(receive_all, rx, &log);
  home.run();
  EXPECT_EQ(log, (Log{0, 1, 2, 3, 4, 5}));
  tx.close();
  home.run();
  EXPECT_EQ(home.alive(), 0);
}

TEST(Channel, ReceiversGetValuesInTheOrderInWhichTheyCame) {
  QueueHome home;
  auto [tx, rx] = channel<Box>(4);
  std::vector<JoinHandle<int>> receivers;
  for (int i = 0; i < 3; ++i) receivers.push_back(home.spawn(receive_one, rx));
  home.run();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(tx.try_send(box(i)));
  EXPECT_FALSE(rx.try_recv()) << "all three values are kept for those who waited";
  home.run();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(result(receivers[std::size_t(i)]), i);
}

TEST(Channel, AValueKeptForACancelledReceiverGoesToTheNext) {
  QueueHome home;
  auto [tx, rx] = channel<Box>(1);
  auto first = home.spawn(receive_one, rx);
  auto second = home.spawn(receive_one, rx);
  home.run();
  EXPECT_TRUE(tx.try_send(box(7)));
  tx.close();  // the second must not be sent away: the first may still pass its value on
  first.cancel();
  home.run();
  EXPECT_EQ(result(second), 7);
}

TEST(Channel, ACancelledSenderHasSentNothingAndPassesItsSlotOn) {
  QueueHome home;
  auto [tx, rx] = channel<Box>(1);
  EXPECT_TRUE(tx.try_send(box(0)));
  auto first = home.spawn(send_one, tx, 1);
  auto second = home.spawn(send_one, tx, 2);
  home.run();
  EXPECT_EQ(**rx.try_recv(), 0);  // the slot is granted to the first
  EXPECT_FALSE(tx.try_send(box(3)));
  first.cancel();
  home.run();
  EXPECT_TRUE(second.done());
  EXPECT_EQ(**rx.try_recv(), 2);
  EXPECT_FALSE(rx.try_recv());
}

TEST(Channel, AfterCloseWhatIsInItCanBeReceivedAndNothingSent) {
  QueueHome home;
  auto [tx, rx] = channel<Box>(1);
  EXPECT_TRUE(tx.try_send(box(1)));
  auto waiting = home.spawn(send_one, tx, 2);
  home.run();
  tx.close();
  home.run();
  EXPECT_THROW(result(waiting), ChannelClosed);
  Box kept = box(3);
  EXPECT_THROW((void)tx.try_send(std::move(kept)), ChannelClosed);
  EXPECT_NE(kept, nullptr) << "a value that was not sent stays with its owner";
  EXPECT_EQ(**rx.try_recv(), 1);
  EXPECT_THROW((void)rx.try_recv(), ChannelClosed);
  auto late = home.spawn(receive_one, rx);
  home.run();
  EXPECT_THROW(result(late), ChannelClosed);
}

TEST(Channel, TheLastSenderCloses) {
  QueueHome home;
  std::optional<std::pair<Sender<Box>, Receiver<Box>>> ends = channel<Box>(1);
  auto reader = home.spawn(receive_one, ends->second);
  auto writer = home.spawn(send_one, ends->first, 5);
  ends.reset();  // the tasks hold the ends now
  home.run();
  EXPECT_EQ(result(reader), 5);
  result(writer);

  auto [tx, rx] = channel<Box>(1);
  auto waiting = home.spawn(receive_one, rx);
  home.run();
  {
    const auto last = std::move(tx);
  }
  home.run();
  EXPECT_THROW(result(waiting), ChannelClosed);
}

struct Watched {
  std::shared_ptr<int> life;
};

TEST(Channel, AWaitThatHasBegunKeepsItsEndWhenTheHandleGoes) {
  QueueHome home;
  auto [tx, rx] = channel<Box>(1);
  std::optional<Sender<Box>> only(std::move(tx));
  EXPECT_TRUE(only->try_send(box(1)));
  auto sender = home.spawn(send_through, &only, 2);
  home.run();
  only.reset();
  EXPECT_FALSE(rx.is_closed());
  Log log;
  home.spawn(receive_all, rx, &log);
  home.run();
  EXPECT_EQ(log, (Log{1, 2}));
  EXPECT_TRUE(sender.done());
  EXPECT_TRUE(rx.is_closed());
}

TEST(Channel, TheLastReceiverClosesAndDestroysTheValues) {
  auto [tx, rx] = channel<Watched>(2);
  auto life = std::make_shared<int>(0);
  EXPECT_TRUE(tx.try_send(Watched{life}));
  EXPECT_EQ(life.use_count(), 2);
  {
    const auto last = std::move(rx);
  }
  EXPECT_EQ(life.use_count(), 1);
  EXPECT_TRUE(tx.is_closed());
  EXPECT_THROW((void)tx.try_send(Watched{life}), ChannelClosed);
}

struct Carrier {
  std::shared_ptr<Sender<Carrier>> sender;
};

TEST(Channel, AValueMayHoldTheLastSenderOfItsOwnChannel) {
  auto [tx, rx] = channel<Carrier>(2);
  EXPECT_TRUE(tx.try_send(Carrier{std::make_shared<Sender<Carrier>>(tx)}));
  {
    const auto gone = std::move(tx);
  }
  {
    const auto last = std::move(rx);
  }  // destroys the value, which closes the channel: a lock held here would hang
}

TEST(Channel, ASendOrReceiveCostsOneUnitAndAPendingOneNone) {
  QueueHome home;
  auto [tx, rx] = channel<Box>(1);
  auto a = home.spawn(send_one, tx, 1);
  home.turn(10);
  EXPECT_EQ(home.budget_left, 9U);
  auto b = home.spawn(send_one, tx, 2);
  home.turn(10);
  EXPECT_EQ(home.budget_left, 10U);
  auto c = home.spawn(receive_one, rx);
  home.turn(10);
  EXPECT_EQ(home.budget_left, 9U);
  home.run();
}

TEST(Channel, RefusesCapacityZero) { EXPECT_THROW((void)channel<Box>(0), std::invalid_argument); }

TEST(Oneshot, CarriesOneValueOnce) {
  QueueHome home;
  auto [tx, rx] = oneshot<Box>();
  auto reader = home.spawn(await_oneshot, rx);
  home.run();
  EXPECT_TRUE(tx.send(box(4)));
  EXPECT_THROW(tx.send(box(5)), std::logic_error);
  home.run();
  EXPECT_EQ(result(reader), 4);
  EXPECT_THROW((void)rx.try_recv(), ChannelClosed);
}

TEST(Oneshot, ASenderThatIsGoneEndsTheWait) {
  QueueHome home;
  auto [tx, rx] = oneshot<Box>();
  auto reader = home.spawn(await_oneshot, rx);
  home.run();
  EXPECT_FALSE(reader.done());
  {
    const auto gone = std::move(tx);
  }
  home.run();
  EXPECT_THROW(result(reader), ChannelClosed);
}

TEST(Oneshot, AReceiverThatIsGoneOrClosedRefusesTheValue) {
  auto [tx, rx] = oneshot<Box>();
  EXPECT_FALSE(tx.is_closed());
  rx.close();
  EXPECT_TRUE(tx.is_closed());
  EXPECT_FALSE(tx.send(box(1)));
  auto [tx2, rx2] = oneshot<Box>();
  {
    const auto gone = std::move(rx2);
  }
  EXPECT_FALSE(tx2.send(box(1)));
}

TEST(Oneshot, ACancelledReceiverLeavesTheValue) {
  QueueHome home;
  auto [tx, rx] = oneshot<Box>();
  auto reader = home.spawn(await_oneshot, rx);
  home.run();
  EXPECT_TRUE(tx.send(box(9)));
  reader.cancel();
  home.run();
  EXPECT_EQ(**rx.try_recv(), 9);
}

TEST(Oneshot, OfTwoReceiversThatWaitTheFirstGetsTheValueAndTheOtherNone) {
  QueueHome home;
  auto [tx, rx] = oneshot<Box>();
  auto first = home.spawn(await_oneshot, rx);
  auto second = home.spawn(await_oneshot, rx);
  home.run();
  EXPECT_TRUE(tx.send(box(3)));
  EXPECT_FALSE(rx.try_recv()) << "it is kept for the first";
  home.run();
  EXPECT_EQ(result(first), 3);
  EXPECT_THROW(result(second), ChannelClosed);
}

TEST(Oneshot, AReceiverThatIsCancelledPassesTheValueOnInTheOrderOfWaiting) {
  QueueHome home;
  auto [tx, rx] = oneshot<Box>();
  std::vector<JoinHandle<int>> readers;
  for (int i = 0; i < 4; ++i) readers.push_back(home.spawn(await_oneshot, rx));
  home.run();
  readers[1].cancel();  // from the middle of those that wait behind
  home.run();
  EXPECT_TRUE(tx.send(box(8)));
  readers[0].cancel();  // has been woken for the value
  home.run();
  EXPECT_EQ(result(readers[2]), 8);
  EXPECT_THROW(result(readers[3]), ChannelClosed);
}

TEST(Oneshot, ASenderThatIsGoneSendsAllAway) {
  QueueHome home;
  auto [tx, rx] = oneshot<Box>();
  auto first = home.spawn(await_oneshot, rx);
  auto second = home.spawn(await_oneshot, rx);
  home.run();
  {
    const auto gone = std::move(tx);
  }
  home.run();
  EXPECT_THROW(result(first), ChannelClosed);
  EXPECT_THROW(result(second), ChannelClosed);
  EXPECT_EQ(home.alive(), 0);
}

}  // namespace
}  // namespace rt
