// An engine that remembers what it was asked and answers what a test tells it to. Loop thread only.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "host/channel.h"
#include "sys/loop.h"

namespace cattino::server::testing {

class FakeEngine : public engine::Engine {
 public:
  explicit FakeEngine(sys::Loop& loop) : loop_(loop) {}

  Result<std::unique_ptr<engine::Staging>> stage(engine::Staging::Header header) override;
  Result<std::optional<engine::SubmissionView>> already_taken(const std::string& key) override;
  void list(engine::ListQuery query, engine::Answer<engine::ListView> answer) override;
  void show(
      std::string reference,
      engine::Answer<std::variant<engine::DetailView, engine::ListView>> answer) override;
  void request(
      core::Verb wanted, engine::Selection which, engine::Answer<engine::Outcome> answer) override;
  std::unique_ptr<engine::Handle> wait(
      engine::WaitQuery query, engine::Answer<engine::WaitView> answer) override;
  std::unique_ptr<engine::Handle> follow(
      std::uint64_t after,
      bool with_output,
      std::function<void(const engine::FeedItem&)> item) override;
  void devices(engine::Answer<engine::DevicesView> answer) override;
  [[nodiscard]] engine::HealthView health() const override;
  std::uint64_t end_unknown() override { return 2; }
  void check_state(engine::Answer<Done> answer) override { answer(ok()); }
  Status attach_host(SubmissionId submission, std::unique_ptr<host::Channel> channel) override;
  void leave(bool keep_tasks, engine::Answer<std::uint64_t> answer) override;
  void on_leave(std::function<void(int)> callback) override { left = std::move(callback); }
  void touch() override { ++touches; }

  /// A task as the fake shows it.
  static engine::TaskView task(std::uint64_t id, const std::string& fullname);

  // ---- what it was asked
  struct Staged {
    engine::Staging::Header header;
    std::string objects;
    std::vector<engine::Staging::NewGroup> groups;
    std::vector<engine::Staging::NewTask> tasks;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> edges;
    int flushes = 0;
    bool finished = false;
    bool destroyed = false;
  };
  std::vector<std::shared_ptr<Staged>> staged;
  engine::ListQuery listed;
  std::string shown;
  core::Verb verb = core::Verb::cancel;
  engine::Selection selection;
  engine::WaitQuery waited;
  engine::Answer<engine::WaitView> wait_answer;
  std::uint64_t since = 0;
  bool output = false;
  std::function<void(const engine::FeedItem&)> follower;
  std::unique_ptr<host::Channel> channel;
  std::vector<std::string> host_lines;
  bool host_closed = false;
  bool kept_tasks = false;
  std::function<void(int)> left;
  int touches = 0;
  int handles = 0;  ///< that live

  // ---- what it answers
  engine::ListView list_view;
  engine::Outcome outcome;
  std::optional<Error> error;  ///< instead of any answer
  std::map<std::string, engine::SubmissionView> taken;

 private:
  template <class T>
  void reply(const engine::Answer<T>& answer, T value) {
    Result<T> result = error ? Result<T>{*error} : Result<T>{std::move(value)};
    loop_.post([answer, result = std::move(result)] { answer(result); });
  }

  sys::Loop& loop_;
};

}  // namespace cattino::server::testing
