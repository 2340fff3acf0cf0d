// Columns on screens of several widths.
#include "cli/table.h"

#include <gtest/gtest.h>

namespace cattino::cli {
namespace {

Table people() {
  Table table(
      {{"ID", true, Shrink::never},
       {"NAME", false, Shrink::in_the_middle, 8, 8},
       {"EMPTY", false, Shrink::never},
       {"REASON", false, Shrink::at_the_end, 10, 10}});
  table.add({{"1"}, {"train"}});
  table.add(
      {{"12"}, {"sweep/learning-rate=0.001"}, {}, {"needs 2 devices with 20000 MiB; 1 free"}});
  return table;
}

TEST(Table, columns_are_as_wide_as_their_text_where_there_is_no_limit) {
  EXPECT_EQ(
      people().text({}),
      "ID  NAME                       REASON\n"
      " 1  train\n"
      "12  sweep/learning-rate=0.001  needs 2 devices with 20000 MiB; 1 free\n");
}

TEST(Table, sentences_give_way_first_and_names_next) {
  EXPECT_EQ(
      people().text({.is_terminal = true, .columns = 50}),
      "ID  NAME                       REASON\n"
      " 1  train\n"
      "12  sweep/learning-rate=0.001  needs 2 devices wi…\n");
  EXPECT_EQ(
      people().text({.is_terminal = true, .columns = 30}),
      "ID  NAME            REASON\n"
      " 1  train\n"
      "12  sweep/l…=0.001  needs 2 d…\n");
}

TEST(Table, no_line_is_wider_than_the_screen) {
  for (std::size_t columns = 24; columns < 80; ++columns) {
    const std::string text = people().text({.is_terminal = true, .columns = columns});
    std::size_t start = 0;
    for (std::size_t end = text.find('\n'); end != std::string::npos;
         end = text.find('\n', start)) {
      EXPECT_LE(columns_of(std::string_view(text).substr(start, end - start)), columns);
      start = end + 1;
    }
  }
}

Table waiting_and_running() {
  Table table(
      {{"NAME"},
       {"DEVICES", false, Shrink::in_the_middle, 6, 6},
       {"REASON", false, Shrink::wrap, 8, 8}});
  table.add({{"a"}, {"cuda:0-3"}});
  Cell reason{"needs 2 devices with 20000 MiB; 1 of 4 fits: cuda:0 is held by a"};
  reason.brief = "needs 2 devices with 20000 MiB; 1 of 4 fits";
  reason.to_end = true;
  table.add({{"b"}, reason});
  return table;
}

TEST(Table, a_cell_may_use_the_columns_that_follow_it) {
  EXPECT_EQ(
      waiting_and_running().text({}),
      "NAME  DEVICES   REASON\n"
      "a     cuda:0-3\n"
      "b     needs 2 devices with 20000 MiB; 1 of 4 fits: cuda:0 is held by a\n");
}

TEST(Table, where_a_text_does_not_fit_its_brief_form_is_wrapped) {
  EXPECT_EQ(
      waiting_and_running().text({.is_terminal = true, .columns = 40}),
      "NAME  DEVICES   REASON\n"
      "a     cuda:0-3\n"
      "b     needs 2 devices with 20000 MiB; 1\n"
      "      of 4 fits\n");
}

TEST(Table, wide_characters_are_aligned_by_the_columns_they_take) {
  Table table({{"NAME"}, {"STATUS"}});
  table.add({{"名前"}, {"Done"}});
  table.add({{"é"}, {"Done"}});
  EXPECT_EQ(table.text({}), "NAME  STATUS\n名前  Done\né     Done\n");
}

TEST(Table, colours_are_for_screens_that_have_them_and_take_no_room) {
  Table table({{"A"}, {"B"}});
  table.add({{"x", Colour::green}, {"y"}});
  EXPECT_EQ(table.text({}), "A  B\nx  y\n");
  EXPECT_EQ(
      table.text({.is_terminal = true, .colour = true, .columns = 80}),
      "\033[2mA\033[0m  \033[2mB\033[0m\n\033[32mx\033[0m  y\n");
}

TEST(Terminal, text_is_shortened_by_whole_characters) {
  EXPECT_EQ(shortened_in_the_middle("abcdefgh", 5), "ab…gh");
  EXPECT_EQ(shortened_in_the_middle("abc", 5), "abc");
  EXPECT_EQ(shortened_at_the_end("abcdefgh", 4), "abc…");
  EXPECT_EQ(shortened_at_the_end("名前名前", 4), "名…");
  EXPECT_EQ(shortened_at_the_end("abc", 0), "");
}

TEST(Terminal, sentences_are_broken_at_blanks_and_long_words_anywhere) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(wrapped("one two three", 7), (Lines{"one two", "three"}));
  EXPECT_EQ(wrapped("one two three", 6), (Lines{"one", "two", "three"}));
  EXPECT_EQ(wrapped("abcdefgh", 3), (Lines{"abc", "def", "gh"}));
  EXPECT_EQ(wrapped("short", 10), (Lines{"short"}));
  EXPECT_EQ(wrapped("", 10), (Lines{""}));
}

TEST(Terminal, text_from_elsewhere_cannot_drive_the_terminal) {
  EXPECT_EQ(harmless("a\033[2Jb\tc\nd\x7f"), "a?[2Jb c d?");
}

}  // namespace
}  // namespace cattino::cli
