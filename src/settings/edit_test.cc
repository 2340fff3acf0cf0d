// Changing one setting leaves the rest of the file alone.
#include "settings/edit.h"

#include <gtest/gtest.h>

namespace cattino::settings {
namespace {

std::string set(const std::string& text, const std::string& key, const std::string& value) {
  const Result<std::string> result = edited("s.toml", text, *find(key), value);
  return result ? *result : "error: " + result.error().message;
}

TEST(Edit, ANewSettingGoesToTheEnd) {
  EXPECT_EQ(set("", "grace", "90s"), "grace = \"90s\"\n");
  EXPECT_EQ(set("# mine\ngrace = \"1m\"", "cpus", "7.5"), "# mine\ngrace = \"1m\"\ncpus = 7.5\n");
}

TEST(Edit, ANewSettingGoesBeforeTables) {
  EXPECT_EQ(
      set("grace = 5\n\n[resources]\nlicence = 2\n", "shutdown-on-complete", "true"),
      "grace = 5\n\nshutdown-on-complete = true\n[resources]\nlicence = 2\n");
}

TEST(Edit, AnOldValueIsReplacedWhereItStands) {
  EXPECT_EQ(
      set("# a\n  grace=5 # short\n\tcpus = 3 \n\n", "grace", "1h"),
      "# a\ngrace = \"1h\"  # short\n\tcpus = 3 \n\n");
  EXPECT_EQ(
      set("shell = '''\na'''\ncpus = 3\n", "shell", "zsh -c"), "shell = \"zsh -c\"\ncpus = 3\n");
  EXPECT_EQ(set("shell = \"ä # b\" # ç\n", "shell", "x"), "shell = \"x\"  # ç\n");
}

TEST(Edit, FilesOfOtherSystemsStayAsTheyAre) {
  EXPECT_EQ(
      set("\xEF\xBB\xBF[resources]\na = 1\n", "cpus", "3"),
      "\xEF\xBB\xBF"
      "cpus = 3\n[resources]\na = 1\n");
  EXPECT_EQ(set("cpus = 3\r\ngrace = 5\r\n", "cpus", "4"), "cpus = 4\r\ngrace = 5\r\n");
  EXPECT_EQ(set("cpus = 3\r\n", "aging", "5m"), "cpus = 3\r\naging = \"5m\"\r\n");
}

TEST(Edit, NumbersAreWrittenAsTheFileTakesThem) {
  EXPECT_EQ(set("", "cpus", "007.50"), "cpus = 7.5\n");
  EXPECT_EQ(set("", "reservations", "007"), "reservations = 7\n");
}

TEST(Edit, WithoutAValueTheSettingIsRemoved) {
  EXPECT_EQ(*edited("s.toml", "cpus = 3\ngrace = 5\n", *find("cpus"), std::nullopt), "grace = 5\n");
  EXPECT_EQ(*edited("s.toml", "grace = 5\n", *find("cpus"), std::nullopt), "grace = 5\n");
  EXPECT_EQ(set("cpus = 3\n", "cpus", ""), "");
}

TEST(Edit, TextIsWrittenSoThatItIsReadAsItWas) {
  const std::string value = "sh -c \"\\x\"\t'";
  const Result<Settings> settings = parse("s.toml", set("", "shell", value));
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->shell, value);
}

TEST(Edit, AmountsAreATableInOneLine) {
  EXPECT_EQ(
      set("", "resources", "licence=2,gp.u=1"), "resources = { \"gp.u\" = 1, licence = 2 }\n");
  EXPECT_EQ(set("resources = { a = 1 }\n", "resources", "a=3"), "resources = { a = 3 }\n");
  EXPECT_EQ(
      set("[resources]\na = 1\n", "resources", "a=3"),
      "error: resources is a table of its own in s.toml");
}

TEST(Edit, WhatIsWrongIsRefused) {
  EXPECT_EQ(set("grace = = 1\n", "cpus", "3").substr(0, 15), "error: s.toml:1");
  EXPECT_EQ(set("", "grace", "soon").substr(0, 7), "error: ");
  EXPECT_EQ(set("", "override-exist-tasks", "renam").substr(0, 7), "error: ");
}

}  // namespace
}  // namespace cattino::settings
