// The loop, timers, watches and workers.
#include "sys/loop.h"

#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "sys/sockets.h"

namespace cattino::sys {
namespace {

TEST(Loop, RunsPostedWorkInOrderAlsoFromAnotherThread) {
  Loop loop;
  std::vector<int> seen;
  loop.post([&] { seen.push_back(1); });
  loop.post([&] { seen.push_back(2); });
  std::thread other{[&] {
    loop.post([&] {
      seen.push_back(3);
      loop.stop();
    });
  }};
  loop.run();
  other.join();
  EXPECT_EQ(seen, (std::vector{1, 2, 3}));
}

TEST(Loop, RunsAgainAfterAStop) {
  Loop loop;
  int runs = 0;
  for (int at = 0; at < 2; ++at) {
    loop.post([&] {
      ++runs;
      loop.stop();
    });
    loop.run();
  }
  EXPECT_EQ(runs, 2);
}

TEST(Timer, CallsBackOnceAndRearmingReplaces) {
  Loop loop;
  Timer first{loop};
  Timer last{loop};
  int old_calls = 0;
  int new_calls = 0;
  first.arm(Duration::milliseconds(1), [&] { ++old_calls; });
  first.arm(Duration::milliseconds(2), [&] { ++new_calls; });
  last.arm(Duration::milliseconds(20), [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(old_calls, 0);
  EXPECT_EQ(new_calls, 1);
}

TEST(Timer, ADestroyedOrCancelledOneStaysSilentEvenWhenDue) {
  Loop loop;
  int calls = 0;
  auto destroyed = std::make_unique<Timer>(loop);
  Timer cancelled{loop};
  destroyed->arm(Duration{0}, [&] { ++calls; });
  cancelled.arm(Duration{0}, [&] { ++calls; });
  destroyed.reset();
  cancelled.cancel();
  Timer last{loop};
  last.arm(Duration::milliseconds(5), [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(calls, 0);
}

TEST(Watch, CallsAgainAsLongAsThereIsSomethingToRead) {
  Loop loop;
  const Result<std::pair<Fd, Fd>> pair = socket_pair();
  ASSERT_TRUE(pair);
  ASSERT_EQ(::write(pair->first.get(), "abc", 3), 3);
  std::string got;
  const Watch watch{loop, pair->second.get(), [&] {
                      char byte = 0;
                      ASSERT_EQ(::read(pair->second.get(), &byte, 1), 1);
                      got += byte;
                      if (got.size() == 3) {
                        loop.stop();
                      }
                    }};
  loop.run();
  EXPECT_EQ(got, "abc");
}

TEST(Watch, MayBeDestroyedByItsOwnCallbackAndLeavesTheDescriptorOpen) {
  Loop loop;
  const Result<std::pair<Fd, Fd>> pair = socket_pair();
  ASSERT_TRUE(pair);
  ASSERT_EQ(::write(pair->first.get(), "abc", 3), 3);
  int calls = 0;
  std::unique_ptr<Watch> watch;
  watch = std::make_unique<Watch>(loop, pair->second.get(), [&] {
    ++calls;
    watch.reset();
    loop.post([&] { loop.stop(); });
  });
  loop.run();
  EXPECT_EQ(calls, 1);
  char bytes[3] = {};
  EXPECT_EQ(::read(pair->second.get(), static_cast<char*>(bytes), 3), 3);
}

TEST(Watch, TellsOnceWhenThereIsRoomToWrite) {
  Loop loop;
  const Result<std::pair<Fd, Fd>> pair = socket_pair();
  ASSERT_TRUE(pair);
  const std::string block(65536, 'x');
  while (::write(pair->first.get(), block.data(), block.size()) > 0) {
  }
  int calls = 0;
  Watch watch{loop, pair->first.get(), [] {
              }};
  watch.when_writable([&] {
    ++calls;
    loop.stop();
  });
  std::string drained(65536, ' ');
  loop.post([&] {
    while (::read(pair->second.get(), drained.data(), drained.size()) > 0) {
    }
  });
  loop.run();
  EXPECT_EQ(calls, 1);
}

TEST(Worker, FinishesWhatIsQueuedBeforeItGoes) {
  Loop loop;
  std::vector<int> done;
  {
    Worker worker{"test-worker-with-a-long-name"};
    for (int at = 0; at < 100; ++at) {
      worker.post([&done, at] { done.push_back(at); });
    }
    worker.post([&] { loop.post([&] { loop.stop(); }); });
  }
  loop.run();
  EXPECT_EQ(done.size(), 100U);
  EXPECT_EQ(done.back(), 99);
}

}  // namespace
}  // namespace cattino::sys
