// The table, and the file it is read from.
#include "settings/settings.h"

#include <fstream>
#include <map>

#include <gtest/gtest.h>

#include "sys/test_directory.h"

namespace cattino::settings {
namespace {

class SettingsFile : public testing::Test {
 protected:
  Result<Settings> read(const std::string& text) {
    std::ofstream(path_) << text;
    return load(path_);
  }

  /// What the file is refused with, the directory left out.
  Error refused(const std::string& text) {
    const Result<Settings> settings = read(text);
    EXPECT_FALSE(settings) << text;
    Error error = settings ? Error{} : settings.error();
    if (error.message.starts_with(directory_.path())) {
      error.message.erase(0, directory_.path().size() + 1);
    }
    return error;
  }

  Environment environment() {
    return [this](const std::string& name) -> std::optional<std::string> {
      const auto found = variables_.find(name);
      return found == variables_.end() ? std::nullopt : std::optional(found->second);
    };
  }

  sys::TestDirectory directory_;
  std::string path_ = directory_ / "settings.toml";
  std::map<std::string, std::string> variables_;
};

TEST_F(SettingsFile, An_empty_file_leaves_the_defaults) {
  const Result<Settings> settings = read("# nothing\n");
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->devices, "");
  EXPECT_EQ(settings->cpus, std::nullopt);
  EXPECT_EQ(settings->override_exist_tasks, "forbid");
  EXPECT_TRUE(settings->cascade_cancel_on_failure);
  EXPECT_EQ(settings->shutdown_after_idle, Duration::seconds(3600));
  EXPECT_FALSE(settings->shutdown_on_complete);
  EXPECT_EQ(settings->shell, "");
  EXPECT_EQ(settings->grace, Duration::seconds(30));
  EXPECT_TRUE(settings->resources.empty());
  EXPECT_EQ(settings->reserve_after, Duration::seconds(600));
  EXPECT_EQ(settings->reservations, 1U);
  EXPECT_EQ(settings->aging, Duration{});
  EXPECT_EQ(settings->history_age, Duration::seconds(90 * 86'400));
  EXPECT_EQ(settings->history_size, 1'000'000U);
}

TEST_F(SettingsFile, Every_key_can_be_set) {
  const Result<Settings> settings = read(
      "devices = '4x24GiB'\n"
      "cpus = 7.5\n"
      "override-exist-tasks = \"rename\"\n"
      "cascade-cancel-on-failure = false\n"
      "shutdown-after-idle = '2h'\n"
      "shutdown-on-complete = true\n"
      "shell = '/bin/zsh -c'\n"
      "grace = 90\n"
      "log-limit = '100MiB'\n"
      "reserve-after = '1m'\n"
      "reservations = 0\n"
      "aging = '30m'\n"
      "history-age = '0s'\n"
      "history-size = 5000\n"
      "[resources]\n"
      "licence = 2\n"
      "\"disk/slots\" = 40\n");
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->devices, "4x24GiB");
  EXPECT_EQ(settings->cpus, Millicores{7500});
  EXPECT_EQ(settings->override_exist_tasks, "rename");
  EXPECT_FALSE(settings->cascade_cancel_on_failure);
  EXPECT_EQ(settings->shutdown_after_idle, Duration::seconds(7200));
  EXPECT_TRUE(settings->shutdown_on_complete);
  EXPECT_EQ(settings->shell, "/bin/zsh -c");
  EXPECT_EQ(settings->grace, Duration::seconds(90));
  EXPECT_EQ(settings->log_limit, Mib{100});
  EXPECT_EQ(settings->reserve_after, Duration::seconds(60));
  EXPECT_EQ(settings->reservations, 0U);
  EXPECT_EQ(settings->aging, Duration::seconds(1800));
  EXPECT_EQ(settings->history_age, Duration{});
  EXPECT_EQ(settings->history_size, 5000U);
  const std::map<std::string, std::int64_t> resources = {{"disk/slots", 40}, {"licence", 2}};
  EXPECT_EQ(settings->resources, resources);
}

TEST_F(SettingsFile, A_resource_is_a_name_and_a_whole_number) {
  EXPECT_EQ(
      refused("resources = 3\n").message,
      "settings.toml:1:13: resources: expected a table of names and whole numbers, got an integer");
  EXPECT_EQ(
      refused("[resources]\nlicence = 'two'\n").message,
      "settings.toml:1:1: resources.licence: expected a whole number, got text");
  EXPECT_EQ(
      refused("[resources]\n'a b' = 1\n").message,
      "settings.toml:1:1: resources: 'a b' is not a name");
  EXPECT_EQ(
      refused("resources = {licence = 0}\n").message,
      "settings.toml:1:13: resources: 'licence=0' is not the name of a resource and how much there "
      "is");
  EXPECT_FALSE(read("reservations = -1\n"));
  EXPECT_FALSE(read("reservations = 'two'\n"));
}

TEST_F(SettingsFile, An_unknown_key_is_refused_with_its_place_and_the_nearest) {
  const Error error = refused("devices = ''\n\n  shutdown-on-complet = true\n");
  EXPECT_EQ(error.code, ErrorCode::invalid);
  EXPECT_EQ(error.message, "settings.toml:3:3: there is no setting 'shutdown-on-complet'");
  EXPECT_EQ(error.hint, "did you mean shutdown-on-complete?");
  EXPECT_NE(
      refused("[section]\nx = 1\n").hint.find("the settings are: devices"), std::string::npos);
}

TEST_F(SettingsFile, A_section_without_a_name_is_refused) {
  EXPECT_TRUE(refused("grace = 1\n[ = 2\n").message.starts_with("settings.toml:2:"));
}

TEST_F(SettingsFile, Letters_beyond_ascii_are_only_for_quotes_and_comments) {
  EXPECT_TRUE(refused("gr\u00e1ce = 1\n").message.starts_with("settings.toml:1:"));
  EXPECT_TRUE(refused("grace = \u026a\n").message.starts_with("settings.toml:1:"));
  EXPECT_TRUE(read("# \u540d\u524d\nshell = '\u00e9' # \u026a\n"));
}

TEST_F(SettingsFile, A_wrong_type_is_refused_with_both_types) {
  EXPECT_EQ(
      refused("shutdown-on-complete = \"true\"\n").message,
      "settings.toml:1:24: shutdown-on-complete: expected true or false, got text");
  EXPECT_EQ(
      refused("devices = 4\n").message,
      "settings.toml:1:11: devices: expected text in quotes, got an integer");
  EXPECT_EQ(
      refused("cpus = \"8\"\n").message, "settings.toml:1:8: cpus: expected a number, got text");
  EXPECT_EQ(
      refused("grace = 1.5\n").message,
      "settings.toml:1:9: grace: expected text such as \"1h30m\", or seconds, got a number with a "
      "fraction");
  EXPECT_NE(refused("shell = ['bash']\n").message.find("got an array"), std::string::npos);
}

TEST_F(SettingsFile, A_wrong_value_is_refused_with_what_is_accepted) {
  const Error error = refused("override-exist-tasks = 'alow'\n");
  EXPECT_EQ(
      error.message,
      "settings.toml:1:24: override-exist-tasks: 'alow' is not a choice (did you mean allow?)");
  EXPECT_EQ(error.hint, "write one of: forbid allow rename");
  EXPECT_EQ(error.field, "override-exist-tasks");
  EXPECT_NE(refused("grace = 'soon'\n").hint.find("1h30m"), std::string::npos);
  EXPECT_EQ(refused("cpus = 0\n").message, "settings.toml:1:8: cpus: '0' is not a number of cores");
  EXPECT_FALSE(read("cpus = -1\n"));
  EXPECT_FALSE(read("cpus = 1e30\n"));
  EXPECT_FALSE(read("cpus = nan\n"));
}

TEST_F(SettingsFile, What_is_no_toml_is_refused_with_its_place) {
  EXPECT_TRUE(refused("devices = \n").message.starts_with("settings.toml:1:"))
      << refused("devices = \n").message;
  EXPECT_TRUE(refused("devices = ''\ndevices = ''\n").message.starts_with("settings.toml:2:"));
  EXPECT_FALSE(read(std::string("devices = '\xff'\n")));
  EXPECT_EQ(refused(std::string(2U << 20U, '#')).code, ErrorCode::too_large);
}

TEST_F(SettingsFile, A_missing_file_is_an_error_only_if_it_was_named) {
  variables_["HOME"] = directory_.path();
  ASSERT_TRUE(load_default(environment()));
  variables_["CATTINO_SETTINGS"] = directory_ / "gone.toml";
  const Result<Settings> settings = load_default(environment());
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().code, ErrorCode::not_found);
  EXPECT_NE(settings.error().message.find("gone.toml"), std::string::npos);
}

TEST_F(SettingsFile, Is_looked_for_where_the_environment_says) {
  variables_["HOME"] = "/home/ada";
  EXPECT_EQ(*default_path(environment()), "/home/ada/.config/cattino/settings.toml");
  variables_["XDG_CONFIG_HOME"] = "/etc/ada";
  EXPECT_EQ(*default_path(environment()), "/etc/ada/cattino/settings.toml");
  variables_["CATTINO_SETTINGS"] = "my.toml";
  EXPECT_EQ(*default_path(environment()), "my.toml");
  variables_.clear();
  EXPECT_FALSE(default_path(environment()));
}

TEST_F(SettingsFile, Devices_of_the_environment_come_before_those_of_the_file) {
  std::ofstream(path_) << "devices = '4x24GiB'\ngrace = '1m'\n";
  variables_["CATTINO_SETTINGS"] = path_;
  variables_["CATTINO_DEVICES"] = "2x8GiB";
  const Result<Settings> settings = load_default(environment());
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->devices, "2x8GiB");
  EXPECT_EQ(settings->grace, Duration::seconds(60));
}

TEST(SettingsTable, Every_default_can_be_applied_and_shows_as_itself) {
  for (const Entry& entry : table()) {
    Settings settings;
    EXPECT_EQ(entry.shown(settings), entry.default_text) << entry.key;
    const Status applied = apply(settings, entry.key, entry.default_text);
    EXPECT_TRUE(applied) << entry.key;
    EXPECT_EQ(entry.shown(settings), entry.default_text) << entry.key;
  }
}

TEST(SettingsTable, A_value_set_as_text_shows_as_it_may_be_typed_again) {
  const std::vector<std::pair<std::string, std::string>> values = {
      {"devices", "2x8GiB"},
      {"cpus", "7.5"},
      {"cpus", "8"},
      {"cpus", ""},
      {"grace", "1h30m"},
      {"shutdown-after-idle", "500ms"},
      {"log-limit", "100MiB"},
      {"log-limit", ""},
      {"shell", "sh -c"},
      {"override-exist-tasks", "allow"},
      {"shutdown-on-complete", "true"},
      {"resources", "disk=4, licence=2"},
      {"resources", ""},
      {"reservations", "3"},
      {"aging", "30m"}};
  for (const auto& [key, value] : values) {
    Settings settings;
    ASSERT_TRUE(apply(settings, key, value)) << key;
    for (const Entry& entry : table()) {
      EXPECT_EQ(entry.key == key ? entry.shown(settings) : value, value);
    }
  }
}

TEST(SettingsTable, An_unknown_key_is_not_found) {
  Settings settings;
  const Status applied = apply(settings, "devcies", "x");
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, ErrorCode::not_found);
  EXPECT_EQ(applied.error().hint, "did you mean devices?");
}

TEST(SettingsTable, The_reference_has_a_row_for_each_key) {
  const std::string page = reference_markdown();
  for (const Entry& entry : table()) {
    EXPECT_NE(page.find("| `" + entry.key + "` |"), std::string::npos) << entry.key;
  }
  EXPECT_NE(page.find("| length of time | `1h` |"), std::string::npos) << page;
}

}  // namespace
}  // namespace cattino::settings
