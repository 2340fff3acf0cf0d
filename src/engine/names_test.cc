// Names of calls, and who holds a fullname.
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "engine/calls.h"
#include "engine/live_names.h"
#include "engine/ports.h"
#include "engine/select.h"

namespace cattino::engine {
namespace {

TEST(CallNames, Are_read_as_they_are_written) {
  const CallName hook{core::Node::of(TaskId{41}), 2, core::HookKind::on_end};
  EXPECT_EQ(to_text(hook), "t41/2/on_end");
  const auto read = parse_call("t41/2/on_end");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->owner, hook.owner);
  EXPECT_EQ(read->attempt, 2U);
  EXPECT_EQ(read->hook, core::HookKind::on_end);
  EXPECT_FALSE(parse_call("t41/1/run")->hook);
  EXPECT_EQ(parse_call("g3/0/on_start")->owner, core::Node::of(GroupId{3}));
}

TEST(CallNames, Nonsense_is_refused) {
  for (const char* text : {"", "t", "t/1/run", "x1/1/run", "t1/run", "t1/1/on_fire", "t1/1/"}) {
    EXPECT_FALSE(parse_call(text)) << text;
  }
}

class Holders : public ::testing::Test {
 protected:
  void add(const std::string& name, std::uint64_t id) {
    names_.add(LiveNames::hash(name), TaskId{id});
    live_.insert(id);
    fullnames_[id] = name;
  }
  std::optional<TaskId> holder(const std::string& name) {
    return names_.holder(
        name,
        {[this](TaskId task) { return live_.contains(task.value); },
         [this](TaskId task) {
           return fullnames_[task.value];
         }});
  }
  LiveNames names_;
  std::set<std::uint64_t> live_;
  std::map<std::uint64_t, std::string> fullnames_;
};

TEST_F(Holders, A_task_that_ended_is_dropped_when_asked_for) {
  add("train", 1);
  EXPECT_EQ(holder("train"), TaskId{1});
  live_.clear();
  EXPECT_FALSE(holder("train"));
  EXPECT_EQ(names_.size(), 0U);
}

TEST_F(Holders, Names_of_ended_tasks_do_not_pile_up) {
  for (std::uint64_t id = 1; id <= 20'000; ++id) {
    add("t" + std::to_string(id), id);
  }
  live_ = {7};
  names_.sweep(1, [this](TaskId task) { return live_.contains(task.value); });
  EXPECT_EQ(names_.size(), 1U);
  EXPECT_EQ(holder("t7"), TaskId{7});
}

TEST(References, End_in_an_id_or_do_not) {
  EXPECT_EQ(id_in("#12"), 12U);
  EXPECT_EQ(id_in("a/b#7"), 7U);
  EXPECT_EQ(id_in("a#b"), 0U);
  EXPECT_EQ(id_in("a#"), 0U);
  EXPECT_EQ(id_in("12"), 0U);
}

TEST(MasterPorts, Are_distinct) {
  Ports ports;
  const Time now{1};
  const std::uint16_t first = ports.take(now);
  const std::uint16_t second = ports.take(now);
  EXPECT_GE(first, Ports::first);
  EXPECT_NE(first, second);
  ports.give_back(first);
  EXPECT_NE(ports.take(now), second);
}

}  // namespace
}  // namespace cattino::engine
