// Quoting and splitting command lines, checked against what a POSIX shell does.
#include <gtest/gtest.h>

#include "base/text.h"

namespace cattino {
namespace {

using Words = std::vector<std::string>;

Words words(std::string_view line) {
  const Result<CommandWords> split = split_command(line);
  EXPECT_TRUE(split) << line;
  return split ? split->words : Words{};
}

bool needs_shell(std::string_view line) {
  const Result<CommandWords> split = split_command(line);
  EXPECT_TRUE(split) << line;
  return split && split->needs_shell;
}

TEST(SplitCommand, Splits_at_spaces_and_removes_quotes) {
  EXPECT_EQ(words("python train.py  --lr 0.1"), (Words{"python", "train.py", "--lr", "0.1"}));
  EXPECT_EQ(
      words("python -c \"print('hello world')\""), (Words{"python", "-c", "print('hello world')"}));
  EXPECT_EQ(words("a'b'\"c\"d ''"), (Words{"abcd", ""}));
  EXPECT_EQ(words(""), Words{});
  EXPECT_EQ(words(" \t\n"), Words{});
}

TEST(SplitCommand, A_backslash_takes_the_next_character_as_it_is) {
  EXPECT_EQ(words("a\\ b \\\"c"), (Words{"a b", "\"c"}));
  EXPECT_EQ(words("\"a\\\"b\\$c\\n\""), (Words{"a\"b$c\\n"}));
  EXPECT_EQ(words("'a\\'"), (Words{"a\\"}));
  EXPECT_EQ(words("python \\\n  train.py"), (Words{"python", "train.py"}));
  EXPECT_EQ(words("end\\"), (Words{"end\\"}));
}

TEST(SplitCommand, The_example_of_the_readme_needs_no_shell) {
  EXPECT_FALSE(needs_shell("python -c \"print('hello world')\""));
  EXPECT_FALSE(needs_shell("python train.py --lr=0.1 model.depth=3 'a|b' a\\;b"));
  EXPECT_FALSE(needs_shell("\"it is 5\\$ & more\""));
  EXPECT_FALSE(needs_shell("\n  python train.py\n"));
}

TEST(SplitCommand, Anything_a_shell_would_interpret_needs_one) {
  for (const char* line :
       {"a | b",    "a && b", "a; b",  "a < b",   "a > b",       "(a)",       "echo $HOME",
        "echo `a`", "ls *",   "ls a?", "ls [ab]", "ls ~",        "a # b",     "A=1 b",
        "A+=1 b",   "{ a }",  "! a",   "a\nb",    "a \"$HOME\"", "a \"`b`\"", "a ${x}"}) {
    EXPECT_TRUE(needs_shell(line)) << line;
  }
}

TEST(SplitCommand, Words_only_a_shell_knows_need_one_when_first) {
  for (const char* line :
       {"cd /tmp", "export A", "source a", ". a", "if true", "while true", "exit 3"}) {
    EXPECT_TRUE(needs_shell(line)) << line;
  }
  EXPECT_FALSE(needs_shell("echo cd export A=1"));
}

TEST(SplitCommand, An_unclosed_quote_is_named_with_its_place) {
  const Result<CommandWords> single = split_command("echo 'it is");
  ASSERT_FALSE(single);
  EXPECT_EQ(
      single.error().message,
      "the single quote (') that opens at character 6 of the command is never closed");
  const Result<CommandWords> twice = split_command("echo \"a\" \"b");
  ASSERT_FALSE(twice);
  EXPECT_NE(twice.error().message.find("character 10"), std::string::npos);
  EXPECT_FALSE(split_command("echo $HOME 'it is"));
}

TEST(SplitCommand, Quotes_that_only_a_shell_can_pair_are_left_to_it) {
  EXPECT_TRUE(needs_shell("echo a # it's a comment"));
  EXPECT_TRUE(needs_shell("cat <<END\nit's\nEND"));
  EXPECT_TRUE(needs_shell("echo \"$(echo \"it's\")\""));
  EXPECT_TRUE(needs_shell("echo $'it\\'s'"));
}

TEST(ShellQuote, Leaves_plain_words_and_quotes_the_rest) {
  EXPECT_EQ(shell_quote("train.py"), "train.py");
  EXPECT_EQ(shell_quote("--lr=0.1"), "--lr=0.1");
  EXPECT_EQ(shell_quote("A=1"), "'A=1'");
  EXPECT_EQ(shell_quote(""), "''");
  EXPECT_EQ(shell_quote("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_quote("$HOME *"), "'$HOME *'");
}

TEST(ShellQuote, What_is_quoted_splits_back_into_itself) {
  for (const char* word : {"", "plain", "a b", "it's", "\"", "\\", "a\nb", "$x`y`", "名前", "#x"}) {
    const std::string line = "echo " + shell_quote(word);
    EXPECT_EQ(words(line), (Words{"echo", word})) << line;
    EXPECT_FALSE(needs_shell(line)) << line;
  }
}

}  // namespace
}  // namespace cattino
