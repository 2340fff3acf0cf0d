// What exactly is started: argv, variables, paths.
#include "engine/launch.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "engine/magics.h"
#include "engine/run_dir.h"
#include "engine/secrets.h"
#include "engine/testing/fake_probe.h"
#include "sys/test_directory.h"

namespace cattino::engine {
namespace {

const std::vector<std::string> shell = {"/bin/sh", "-c"};
const Magics magics = {"my task", "g/my task", "/runs/1"};

class LaunchOf : public ::testing::Test {
 protected:
  LaunchOf() {
    task_.spec.id = TaskId{7};
    task_.name = "train";
    task_.fullname = "g/train";
    task_.program = {store::ProgramKind::command, {"python train.py"}};
    submission_.directory = "/home/me";
    submission_.run_dir = "/runs/1";
    submission_.environment = 3;
    state_.attempt = 1;
  }
  supervisor::Spawn spawn() { return spawn_of(launch()); }
  Launch launch() {
    return {task_, submission_, state_, inventory_, facts_, shell, master_port_, {}};
  }
  static std::string value(const supervisor::Spawn& spawn, const std::string& name) {
    std::string found = "(unset)";
    for (const std::string& variable : spawn.variables) {
      if (variable.starts_with(name + "=")) {
        found = variable.substr(name.size() + 1);
      }
    }
    return found;
  }
  store::Task task_;
  store::Submission submission_;
  core::TaskState state_;
  devices::Inventory inventory_ = inventory_of(4, 24'000);
  EnvironmentFacts facts_;
  std::uint16_t master_port_ = 0;
};

TEST_F(LaunchOf, A_plain_command_is_executed_directly) {
  EXPECT_EQ(spawn().argv, (std::vector<std::string>{"python", "train.py"}));
}

TEST_F(LaunchOf, A_limit_of_logs_is_the_task_s_own_or_the_setting) {
  Launch launched = launch();
  EXPECT_EQ(spawn_of(launched).log_limit, 0U);
  launched.log_limit = Mib{2};
  EXPECT_EQ(spawn_of(launched).log_limit, std::uint64_t{2} << 20U);
  task_.log_limit = Mib{1};
  EXPECT_EQ(spawn_of(launched).log_limit, std::uint64_t{1} << 20U);
  EXPECT_EQ(run_call_of(launched).log_limit, std::uint64_t{1} << 20U);
  task_.log_limit = Mib{0};
  EXPECT_EQ(spawn_of(launched).log_limit, 0U) << "none, whatever the setting is";
}

TEST_F(LaunchOf, The_kernel_is_to_hold_it_to_what_it_was_given_if_that_is_wished) {
  state_.allocation.ram = Mib{3};
  state_.allocation.cpus = Millicores{1500};
  Launch launched = launch();
  EXPECT_FALSE(spawn_of(launched).bounds.any());
  launched.enforce = "ram";
  EXPECT_EQ(spawn_of(launched).bounds.memory, std::uint64_t{3} << 20U);
  EXPECT_EQ(spawn_of(launched).bounds.millicores, 0U);
  launched.enforce = "cpus";
  EXPECT_EQ(spawn_of(launched).bounds.memory, 0U);
  launched.enforce = "all";
  EXPECT_EQ(spawn_of(launched).bounds.millicores, 1500U);
  EXPECT_EQ(run_call_of(launched).memory, std::uint64_t{3} << 20U);
  EXPECT_EQ(run_call_of(launched).millicores, 1500U);
}

TEST_F(LaunchOf, Shell_syntax_goes_to_the_shell) {
  task_.program.words = {"python train.py | tee log"};
  EXPECT_EQ(spawn().argv, (std::vector<std::string>{"/bin/sh", "-c", "python train.py | tee log"}));
}

TEST(Magic, A_filled_in_name_with_spaces_stays_one_word) {
  EXPECT_EQ(
      command_argv("echo ${task_name} --out=${run_dir}/x", magics, shell),
      (std::vector<std::string>{"echo", "my task", "--out=/runs/1/x"}));
}

TEST(Magic, Other_names_are_left_to_the_shell) {
  EXPECT_EQ(
      command_argv("echo ${HOME} ${fullname}", magics, shell),
      (std::vector<std::string>{"/bin/sh", "-c", "echo ${HOME} g/my task"}));
}

TEST(Magic, Nothing_but_the_four_names_is_filled_in) {
  EXPECT_EQ(
      fill_in("${eval: 1+1} ${fullpath} $run_dir", magics), "${eval: 1+1} g/my task $run_dir");
}

TEST_F(LaunchOf, A_task_sees_the_devices_it_holds) {
  state_.allocation.devices = {1, 3};
  state_.allocation.mib = {Mib{1}, Mib{1}};
  const auto spawned = spawn();
  EXPECT_EQ(value(spawned, "CUDA_VISIBLE_DEVICES"), "GPU-1,GPU-3");
  EXPECT_EQ(value(spawned, "CUDA_DEVICE_ORDER"), "PCI_BUS_ID");
  EXPECT_EQ(value(spawned, "XLA_PYTHON_CLIENT_PREALLOCATE"), "false");
}

TEST_F(LaunchOf, A_task_with_a_whole_device_may_take_all_of_it) {
  state_.allocation.devices = {0};
  state_.allocation.whole = true;
  EXPECT_EQ(value(spawn(), "XLA_PYTHON_CLIENT_PREALLOCATE"), "(unset)");
}

TEST_F(LaunchOf, A_task_without_devices_sees_none_and_cannot_say_otherwise) {
  task_.variables = {{"CUDA_VISIBLE_DEVICES", "0"}};
  EXPECT_EQ(value(spawn(), "CUDA_VISIBLE_DEVICES"), "");
}

TEST_F(LaunchOf, Without_accelerators_nothing_is_hidden) {
  inventory_ = cpu_inventory();
  inventory_.visibility_variable = "CUDA_VISIBLE_DEVICES";
  EXPECT_EQ(value(spawn(), "CUDA_VISIBLE_DEVICES"), "(unset)");
}

TEST_F(LaunchOf, Defaults_give_way_to_what_the_user_set) {
  master_port_ = 20'005;
  auto spawned = spawn();
  EXPECT_EQ(value(spawned, "PYTHONUNBUFFERED"), "1");
  EXPECT_EQ(value(spawned, "MASTER_PORT"), "20005");
  EXPECT_EQ(value(spawned, "MASTER_ADDR"), "127.0.0.1");
  facts_ = EnvironmentFacts::of({"PYTHONUNBUFFERED=", "MASTER_PORT=1"});
  task_.variables = {{"MASTER_ADDR", "node1"}};
  spawned = spawn();
  EXPECT_EQ(value(spawned, "PYTHONUNBUFFERED"), "(unset)");
  EXPECT_EQ(value(spawned, "MASTER_PORT"), "(unset)");
  EXPECT_EQ(value(spawned, "MASTER_ADDR"), "node1");
}

TEST_F(LaunchOf, The_task_knows_itself_and_its_attempt) {
  state_.attempt = 3;
  task_.variables = {{"OUT", "${run_dir}/${fullpath}/x"}};
  const auto spawned = spawn();
  EXPECT_EQ(value(spawned, "CATTINO_TASK_NAME"), "g/train");
  EXPECT_EQ(value(spawned, "CATTINO_TASK_HOME"), "/runs/1/g/train");
  EXPECT_EQ(value(spawned, "CATTINO_ATTEMPT"), "3");
  EXPECT_EQ(value(spawned, "OUT"), "/runs/1/g/train/x");
  EXPECT_EQ(spawned.stdout_path, "/runs/1/g/train/stdout.3.log");
  EXPECT_EQ(spawned.stderr_path, "/runs/1/g/train/stderr.3.log");
}

TEST_F(LaunchOf, A_hundredth_attempt_has_logs_of_its_own) {
  state_.attempt = 100;
  EXPECT_EQ(spawn().stdout_path, "/runs/1/g/train/stdout.100.log");
}

TEST_F(LaunchOf, A_function_goes_to_the_host_with_what_is_added) {
  task_.program.kind = store::ProgramKind::function;
  task_.spec.priority = 5;
  state_.allocation.devices = {2};
  const host::RunCall call = run_call_of(launch());
  EXPECT_EQ(call.call, "t7/1/run");
  EXPECT_EQ(call.key, (AttemptId{TaskId{7}, 1}.key()));
  EXPECT_EQ(call.result, "/runs/1/g/train/result.pkl");
  EXPECT_EQ(call.directory, "/home/me");
  EXPECT_EQ(call.attempt, 1U);
  EXPECT_EQ(call.devices, (std::vector<std::uint16_t>{2}));
  EXPECT_EQ(call.priority, 5);
  EXPECT_EQ(call.run_dir, "/runs/1");
}

TEST(RunDirectories, Two_in_one_second_do_not_share) {
  const sys::TestDirectory home;
  RunDirs dirs(home.path());
  const Time now{1'769'860'800'000'000};
  const auto first = dirs.make("%Y", now);
  const auto second = dirs.make("%Y", now);
  const auto third = RunDirs(home.path()).make("%Y", now);
  ASSERT_TRUE(first && second && third);
  EXPECT_EQ(first.value(), home / "2026");
  EXPECT_EQ(second.value(), home / "2026-2");
  EXPECT_EQ(third.value(), home / "2026-3");
}

TEST(RunDirectories, They_stay_below_the_home) {
  const sys::TestDirectory home;
  RunDirs dirs(home.path());
  EXPECT_FALSE(dirs.make("../%Y", Time{1}));
  EXPECT_FALSE(dirs.make("/tmp/%Y", Time{1}));
}

TEST(RunDirectories, A_layout_may_end_with_where_the_task_goes_anyway) {
  const sys::TestDirectory home;
  const auto made = RunDirs(home.path()).make("%Y/${fullname}", Time{1'769'860'800'000'000});
  ASSERT_TRUE(made);
  EXPECT_EQ(made.value(), home / "2026");
  EXPECT_FALSE(RunDirs(home.path()).make("${fullname}/%Y", Time{1}));
}

TEST(Secrets, Are_known_by_their_name_or_their_value) {
  EXPECT_TRUE(looks_secret("WANDB_API_KEY", "x"));
  EXPECT_TRUE(looks_secret("hf_token", "x"));
  EXPECT_TRUE(looks_secret("DATABASE_URL", "postgres://me:pw@db/x"));
  EXPECT_TRUE(looks_secret("ANYTHING", "ghp_abc"));
  EXPECT_FALSE(looks_secret("PATH", "/usr/bin"));
  EXPECT_FALSE(looks_secret("SSH_AUTH_SOCK", "/tmp/agent"));
  EXPECT_FALSE(looks_secret("PROXY", "http://proxy:3128/"));
}

}  // namespace
}  // namespace cattino::engine
