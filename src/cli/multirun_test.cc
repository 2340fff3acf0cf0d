// Lists in arguments: what they expand to and what the tasks are called.
#include "cli/multirun.h"

#include <set>

#include <gtest/gtest.h>

namespace cattino::cli {
namespace {

using Words = std::vector<std::string>;

std::vector<Variant> all(const Words& arguments) {
  auto multirun = Multirun::parse(arguments);
  EXPECT_TRUE(multirun);
  std::vector<Variant> variants;
  for (std::uint64_t i = 0; multirun && i < multirun->count(); ++i) {
    variants.push_back(multirun->at(i));
  }
  return variants;
}

TEST(Multirun, expands_a_list_that_follows_an_option) {
  const auto variants = all({"--lr", "[0.1,0.3]"});
  ASSERT_EQ(variants.size(), 2U);
  EXPECT_EQ(variants[0].arguments, (Words{"--lr", "0.1"}));
  EXPECT_EQ(variants[0].label, "lr=0.1");
  EXPECT_EQ(variants[1].arguments, (Words{"--lr", "0.3"}));
  EXPECT_EQ(variants[1].label, "lr=0.3");
}

TEST(Multirun, expands_lists_after_an_equals_sign_with_and_without_dashes) {
  const auto variants = all({"--lr=[1,2]", "model=[a,b]"});
  ASSERT_EQ(variants.size(), 4U);
  EXPECT_EQ(variants[0].arguments, (Words{"--lr=1", "model=a"}));
  EXPECT_EQ(variants[1].arguments, (Words{"--lr=1", "model=b"}));
  EXPECT_EQ(variants[2].arguments, (Words{"--lr=2", "model=a"}));
  EXPECT_EQ(variants[3].label, "lr=2,model=b");
}

TEST(Multirun, keeps_arguments_that_are_no_lists_where_they_are) {
  const auto variants = all({"train", "--seed", "1", "--lr", "[1,2]", "--fast"});
  ASSERT_EQ(variants.size(), 2U);
  EXPECT_EQ(variants[1].arguments, (Words{"train", "--seed", "1", "--lr", "2", "--fast"}));
  EXPECT_EQ(variants[1].label, "lr=2");
}

TEST(Multirun, without_lists_there_is_one_task_and_no_label) {
  const auto variants = all({"--lr", "0.1"});
  ASSERT_EQ(variants.size(), 1U);
  EXPECT_EQ(variants[0].label, "");
}

TEST(Multirun, a_list_of_one_value_names_nothing) {
  const auto variants = all({"--lr", "[0.1]", "--wd", "[1,2]"});
  ASSERT_EQ(variants.size(), 2U);
  EXPECT_EQ(variants[0].arguments, (Words{"--lr", "0.1", "--wd", "1"}));
  EXPECT_EQ(variants[0].label, "wd=1");
}

TEST(Multirun, commas_in_quotes_and_in_inner_brackets_do_not_split) {
  EXPECT_EQ(*split_list(R"("a,b",c)"), (Words{"a,b", "c"}));
  EXPECT_EQ(*split_list("[1,2],[3,4]"), (Words{"[1,2]", "[3,4]"}));
  EXPECT_EQ(*split_list("f(1,2), {a,b}"), (Words{"f(1,2)", "{a,b}"}));
  EXPECT_EQ(*split_list(" 1 , 2 ,"), (Words{"1", "2"}));
}

TEST(Multirun, names_of_tasks_have_no_slash_comma_or_bracket_of_a_value) {
  const auto variants = all({"--data", "[a/b,c/d]", "--betas", "[[0.9,0.95],[0.8,0.9]]"});
  ASSERT_EQ(variants.size(), 4U);
  EXPECT_EQ(variants[0].arguments, (Words{"--data", "a/b", "--betas", "[0.9,0.95]"}));
  EXPECT_EQ(variants[0].label, "data=a_b,betas=0.9_0.95");
}

TEST(Multirun, labels_are_distinct_even_if_values_are_not) {
  const auto variants = all({"--x", "[a/b,a_b,a/b]", "--y", "[1,1]"});
  std::set<std::string> labels;
  for (const Variant& variant : variants) {
    labels.insert(variant.label);
  }
  EXPECT_EQ(labels.size(), 6U);
}

TEST(Multirun, labels_too_long_for_a_directory_become_numbers) {
  const std::string big(150, 'x');
  const auto variants = all({"--a", "[" + big + ",1]", "--b", "[" + big + ",2]"});
  ASSERT_EQ(variants.size(), 4U);
  EXPECT_EQ(variants[0].label, "variant=1");
  EXPECT_EQ(variants[3].label, "a=1,b=2");
}

TEST(Multirun, an_empty_list_is_refused) {
  const auto multirun = Multirun::parse({"--lr", "[]"});
  ASSERT_FALSE(multirun);
  EXPECT_EQ(multirun.error().message, "the list [] is empty, so there would be no task");
}

TEST(Multirun, what_is_not_closed_is_named) {
  EXPECT_EQ(
      split_list(R"("a,b)").error().message, R"(the list ["a,b] has a " that is never closed)");
  EXPECT_FALSE(split_list("[1,2"));
}

TEST(Multirun, a_product_that_is_too_large_is_refused) {
  std::string list = "[0";
  for (int i = 1; i < 1000; ++i) {
    list += "," + std::to_string(i);
  }
  const auto multirun = Multirun::parse({list + "]", list + "]", list + "]"});
  ASSERT_FALSE(multirun);
  EXPECT_EQ(multirun.error().code, ErrorCode::too_large);
}

TEST(Multirun, literal_arguments_are_left_alone) {
  const Multirun multirun = Multirun::literal({"--lr", "[0.1,0.3]"});
  EXPECT_EQ(multirun.count(), 1U);
  EXPECT_EQ(multirun.at(0).arguments, (Words{"--lr", "[0.1,0.3]"}));
}

}  // namespace
}  // namespace cattino::cli
