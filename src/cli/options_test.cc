// The grammar: whose each word of a command line is.
#include "cli/options.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace cattino::cli {
namespace {

using Words = std::vector<std::string>;

Options options_of(const Words& words) {
  auto parsed = parse_options(words);
  EXPECT_TRUE(parsed) << parsed.error().message;
  const auto* options = parsed ? std::get_if<Options>(&*parsed) : nullptr;
  EXPECT_NE(options, nullptr);
  return options != nullptr ? *options : Options{};
}

std::string error_of(const Words& words) {
  auto parsed = parse_options(words);
  return parsed ? "" : parsed.error().message + " | " + parsed.error().hint;
}

TEST(Options, a_command_takes_options_before_and_after_it_and_arguments_after_two_dashes) {
  const Options options = options_of(
      {"create", "-c", "2", "python t.py", "-n", "t", "-M", "20GiB", "--", "--lr", "1", "-n", "x"});
  EXPECT_EQ(options.create.subject, "python t.py");
  EXPECT_EQ(options.create.name, "t");
  EXPECT_EQ(options.create.min_devices, 2);
  EXPECT_EQ(options.create.memory, "20GiB");
  EXPECT_EQ(options.create.arguments, (Words{"--lr", "1", "-n", "x"}));
  EXPECT_FALSE(options.create.script);
}

TEST(Options, the_long_names_of_the_python_api_are_accepted) {
  const Options options = options_of(
      {"create",
       "x",
       "--task-name=a",
       "--min-devices",
       "0",
       "--requires-memory-per-device",
       "5",
       "--priority",
       "-3",
       "--env",
       "A=1",
       "--env",
       "B=2",
       "--multirun"});
  EXPECT_EQ(options.create.name, "a");
  EXPECT_EQ(options.create.min_devices, 0);
  EXPECT_EQ(options.create.memory, "5");
  EXPECT_EQ(options.create.priority, -3);
  EXPECT_EQ(options.create.env, (Words{"A=1", "B=2"}));
  EXPECT_TRUE(options.create.multirun);
}

TEST(Options, a_list_of_values_does_not_take_the_command) {
  const Options options = options_of({"create", "-e", "A=1", "true"});
  EXPECT_EQ(options.create.subject, "true");
}

TEST(Options, what_is_not_said_is_not_set) {
  const Options options = options_of({"create", "true"});
  EXPECT_FALSE(options.create.min_devices);
  EXPECT_FALSE(options.create.priority);
  EXPECT_EQ(options.mode, Mode::text);
}

class Script : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/cattino-cli-XXXXXX";
    directory_ = mkdtemp(name.data());
    path_ = directory_ + "/task.py";
    std::ofstream(path_) << "";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string directory_;
  std::string path_;
};

TEST_F(Script, takes_all_that_follows_its_name) {
  const Options options = options_of(
      {"create", "--python", "python3", "--json", path_, "-n", "x", "--json", "--", "y"});
  EXPECT_TRUE(options.create.script);
  EXPECT_EQ(options.create.subject, path_);
  EXPECT_EQ(options.create.python, "python3");
  EXPECT_EQ(options.create.arguments, (Words{"-n", "x", "--json", "--", "y"}));
  EXPECT_EQ(options.mode, Mode::json);
}

TEST_F(Script, may_be_followed_by_two_dashes) {
  EXPECT_EQ(
      options_of({"create", path_, "--", "--lr", "1"}).create.arguments, (Words{"--lr", "1"}));
}

TEST_F(Script, may_have_another_name_if_it_is_said_so) {
  const Options options = options_of({"create", "--script", "tasks", "-x"});
  EXPECT_TRUE(options.create.script);
  EXPECT_EQ(options.create.arguments, (Words{"-x"}));
}

TEST(Options, a_script_that_does_not_exist_is_a_command) {
  EXPECT_FALSE(options_of({"create", "no-such-file.py"}).create.script);
}

TEST(Options, unknown_words_get_the_nearest_known_one) {
  EXPECT_EQ(error_of({"lsit"}), "unknown verb 'lsit' | did you mean 'list'?");
  EXPECT_EQ(error_of({"list", "--jsn"}), "unknown option '--jsn' | did you mean '--json'?");
  EXPECT_EQ(error_of({"--versoin"}), "unknown option '--versoin' | did you mean '--version'?");
  EXPECT_EQ(error_of({"create", "x", "y"}), "unexpected argument 'y' | see `meow create --help`");
}

TEST(Options, values_are_checked) {
  EXPECT_NE(error_of({"create", "x", "-c", "-1"}), "");
  EXPECT_NE(error_of({"create", "x", "-c", "two"}), "");
  EXPECT_NE(error_of({"create", "x", "--name-conflict", "maybe"}), "");
  EXPECT_NE(error_of({"create"}), "");
  EXPECT_NE(error_of({"show"}), "");
}

TEST(Options, names_and_regular_expressions) {
  const Options options = options_of({"cancel", "-w", "a", "g/b#3"});
  EXPECT_EQ(options.names, (Words{"a", "g/b#3"}));
  EXPECT_TRUE(options.wait);
  EXPECT_EQ(options_of({"kill", "-A", "^train"}).match, "^train");
}

TEST(Options, each_verb_says_how_it_is_used) {
  for (const char* verb :
       {"create", "run", "list", "show", "watch", "wait", "test", "cancel", "exit"}) {
    auto parsed = parse_options({verb, "--help"});
    ASSERT_TRUE(parsed) << verb;
    const std::string& text = std::get<Print>(*parsed).text;
    EXPECT_NE(text.find("Usage: meow " + std::string(verb)), std::string::npos) << text;
  }
}

TEST(Options, no_page_of_help_is_wider_than_a_terminal) {
  for (const char* verb :
       {"--help", "create", "run", "list", "show", "watch", "wait", "kill", "exit", "completion"}) {
    auto parsed = parse_options({verb, "--help"});
    ASSERT_TRUE(parsed) << verb;
    std::istringstream text(std::get<Print>(*parsed).text);
    for (std::string line; std::getline(text, line);) {
      EXPECT_LE(line.size(), 80U) << line;
    }
  }
}

TEST(Options, logs_are_followed_or_of_one_attempt) {
  const Options options = options_of({"logs", "a", "b", "-e", "-n", "5", "--attempt", "2"});
  EXPECT_EQ(options.names, (Words{"a", "b"}));
  EXPECT_TRUE(options.errors);
  EXPECT_EQ(options.tail, 5U);
  EXPECT_EQ(options.attempt, 2U);
  EXPECT_NE(error_of({"logs", "a", "-f", "--attempt", "2"}), "");
}

TEST(Options, the_log_to_show_is_one_of_the_two) {
  EXPECT_TRUE(options_of({"show", "a", "--stderr"}).errors);
  EXPECT_NE(error_of({"show", "a", "--stderr", "--stdout"}), "");
}

TEST(Options, the_reference_tells_of_verbs_settings_and_variables) {
  auto parsed = parse_options({"__reference"});
  ASSERT_TRUE(parsed);
  const std::string& page = std::get<Print>(*parsed).text;
  for (const char* part : {"### meow create", "--min-devices", "`grace`", "CATTINO_HOME"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(page.find("_start"), std::string::npos);
}

TEST(Completion, offers_settings_and_their_values) {
  EXPECT_EQ(complete({"set", "h"}).words, (Words{"hook-timeout", "history-age", "history-size"}));
  EXPECT_EQ(complete({"set", "shutdown-on-complete", ""}).words, (Words{"true", "false"}));
  EXPECT_EQ(complete({"set", "enforce", "r"}).words, (Words{"ram"}));
  EXPECT_FALSE(complete({"get", "gr"}).files);
}

TEST(Completion, offers_verbs_options_values_and_names) {
  EXPECT_EQ(complete({"c"}).words, (Words{"create", "cancel", "completion"}));
  EXPECT_EQ(complete({"list", "--st"}).words, (Words{"--status"}));
  EXPECT_EQ(complete({"list", "--status", "D"}).words, (Words{"Done"}));
  EXPECT_TRUE(complete({"show", ""}).names);
  EXPECT_TRUE(complete({"create", ""}).files);
  EXPECT_TRUE(complete({"nonsense", ""}).words.empty());
}

TEST(Completion, hides_what_is_for_other_programs) {
  EXPECT_TRUE(complete({"_"}).words.empty());
}

}  // namespace
}  // namespace cattino::cli
