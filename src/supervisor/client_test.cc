// The daemon's client, against a listener of the test.
#include "supervisor/client.h"

#include <optional>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include "supervisor/frame.h"
#include "sys/loop.h"
#include "sys/sockets.h"
#include "sys/test_directory.h"

namespace cattino::supervisor {
namespace {

/// A supervisor that does what the test says, on the same loop.
class SocketClientTest : public testing::Test {
 protected:
  void listen() {
    Result<sys::Fd> listener = sys::listen_unix(path_, 16);
    ASSERT_TRUE(listener);
    listener_ = std::move(*listener);
    accepting_ = std::make_unique<sys::Watch>(loop_, listener_.get(), [this] {
      int error = 0;
      peer_ = sys::accept_unix(listener_.get(), error);
      reading_ = std::make_unique<sys::Watch>(loop_, peer_.get(), [this] { serve(); });
    });
  }

  void serve() {
    if (reader_.read_from(peer_.get()) <= 0) {
      return;
    }
    ToSupervisor message;
    while (reader_.next(message) == FrameReader::Got::message) {
      on_request(message);
    }
  }

  void answer(const FromSupervisor& message) {
    std::string bytes;
    encode(message, bytes);
    ASSERT_EQ(
        ::send(peer_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
        static_cast<ssize_t>(bytes.size()));
  }

  void hang_up() {
    reading_.reset();
    peer_.reset();
    reader_ = FrameReader{};
  }

  sys::TestDirectory directory_;
  std::string path_ = directory_ / "supervisor.sock";
  sys::Loop loop_;
  std::function<void(const ToSupervisor&)> on_request = [](const ToSupervisor&) {
  };
  sys::Fd listener_;
  sys::Fd peer_;
  FrameReader reader_;
  std::unique_ptr<sys::Watch> accepting_;
  std::unique_ptr<sys::Watch> reading_;
};

TEST_F(SocketClientTest, SaysHelloAndDeliversAnswersInBatches) {
  listen();
  std::vector<std::size_t> received;
  int batches = 0;
  on_request = [&](const ToSupervisor& message) {
    if (std::holds_alternative<Hello>(message)) {
      std::string both;
      encode(FromSupervisor{Welcome{}}, both);
      encode(FromSupervisor{Synced{}}, both);
      ::send(peer_.get(), both.data(), both.size(), MSG_NOSIGNAL);
    } else {
      EXPECT_EQ(std::get<Acknowledge>(message).key, 5U);
      loop_.stop();
    }
  };
  std::unique_ptr<Client> client;
  client = connect(
      loop_,
      path_,
      {[&](const FromSupervisor& message) { received.push_back(message.index()); },
       [] {},
       [&] {
         ++batches;
         client->send(Acknowledge{5});
         client->flush();
       }});
  loop_.run();
  EXPECT_EQ(received, (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(batches, 1);
}

TEST_F(SocketClientTest, WaitsForASupervisorThatIsNotThereYet) {
  int hellos = 0;
  on_request = [&](const ToSupervisor&) {
    ++hellos;
    loop_.stop();
  };
  const std::unique_ptr<Client> client = connect(
      loop_,
      path_,
      {[](const FromSupervisor&) {},
       [] {},
       [] {
       }});
  client->send(Stop{1});  // Dropped: nobody is there.
  sys::Timer later{loop_};
  later.arm(Duration::milliseconds(15), [&] { listen(); });
  loop_.run();
  EXPECT_EQ(hellos, 1);
}

TEST_F(SocketClientTest, ReconnectsAndDropsWhatWasNotSent) {
  listen();
  std::vector<std::size_t> requests;
  int disconnects = 0;
  on_request = [&](const ToSupervisor& message) {
    requests.push_back(message.index());
    if (requests.size() == 1) {
      loop_.post([&] { hang_up(); });
    } else {
      loop_.stop();
    }
  };
  std::unique_ptr<Client> client;
  client = connect(
      loop_,
      path_,
      {[](const FromSupervisor&) {},
       [&] {
         ++disconnects;
         client->send(Stop{1});
         client->flush();
       },
       [] {
       }});
  loop_.run();
  EXPECT_EQ(disconnects, 1);
  EXPECT_EQ(requests, (std::vector<std::size_t>{0, 0}));
}

TEST_F(SocketClientTest, MoreThanTheSocketHoldsArrivesAllTheSame) {
  listen();
  std::size_t got = 0;
  constexpr std::size_t count = 64;
  const std::string large(65536, 'x');
  std::unique_ptr<Client> client;
  on_request = [&](const ToSupervisor& message) {
    if (std::holds_alternative<Hello>(message)) {
      client->send(Stop{1});  // dropped: what it knows is not told yet
      answer(Synced{});
    } else {
      EXPECT_EQ(std::get<DefineEnvironment>(message).id, got);
      if (++got == count) {
        loop_.stop();
      }
    }
  };
  client = connect(
      loop_,
      path_,
      {[&](const FromSupervisor&) {
         for (std::size_t at = 0; at < count; ++at) {
           client->send(DefineEnvironment{at, {large}});
         }
         client->flush();
       },
       [] {},
       [] {
       }});
  loop_.run();
  EXPECT_EQ(got, count);
}

}  // namespace
}  // namespace cattino::supervisor
