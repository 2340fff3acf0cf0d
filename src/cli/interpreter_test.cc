// Which Python is taken, and where the package is.
#include "cli/interpreter.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include <gtest/gtest.h>

namespace cattino::cli {
namespace {

struct World {
  std::map<std::string, std::string> variables;
  std::set<std::string> executables;
  std::string program = "/opt/bin/meow";

  [[nodiscard]] Surroundings surroundings() const {
    return {
        [this](const std::string& name) -> std::optional<std::string> {
          const auto found = variables.find(name);
          return found == variables.end() ? std::nullopt : std::optional(found->second);
        },
        {},
        program};
  }
  [[nodiscard]] std::string chosen(const std::string& wanted = "") const {
    const Files files{
        [this](const std::string& path) { return executables.contains(path); },
        [](const std::string&) {
          return false;
        }};
    auto result = choose_interpreter(wanted, surroundings(), files);
    return result ? *result : "error: " + result.error().field + ": " + result.error().message;
  }
};

World everything() {
  return {
      {{"CATTINO_PYTHON", "/own/python"},
       {"VIRTUAL_ENV", "/venv"},
       {"CONDA_PREFIX", "/conda"},
       {"PATH", "/usr/local/bin:/usr/bin"}},
      {"/own/python",
       "/venv/bin/python",
       "/conda/bin/python",
       "/usr/bin/python3",
       "/usr/bin/python3.12"}};
}

TEST(Interpreter, is_the_one_that_was_asked_for) {
  EXPECT_EQ(everything().chosen("/venv/bin/python"), "/venv/bin/python");
  EXPECT_EQ(everything().chosen("python3.12"), "/usr/bin/python3.12");
}

TEST(Interpreter, is_looked_for_in_the_documented_order) {
  World world = everything();
  EXPECT_EQ(world.chosen(), "/own/python");
  world.variables.erase("CATTINO_PYTHON");
  EXPECT_EQ(world.chosen(), "/venv/bin/python");
  world.variables.erase("VIRTUAL_ENV");
  EXPECT_EQ(world.chosen(), "/conda/bin/python");
  world.variables.erase("CONDA_PREFIX");
  EXPECT_EQ(world.chosen(), "/usr/bin/python3");
}

TEST(Interpreter, one_that_was_asked_for_and_is_missing_is_an_error) {
  World world = everything();
  EXPECT_EQ(world.chosen("/no/python"), "error: --python: there is no interpreter '/no/python'");
  world.executables.erase("/own/python");
  EXPECT_EQ(world.chosen(), "error: CATTINO_PYTHON: there is no interpreter '/own/python'");
}

TEST(Interpreter, an_environment_that_was_deleted_is_passed_over) {
  World world = everything();
  world.variables.erase("CATTINO_PYTHON");
  world.executables.erase("/venv/bin/python");
  EXPECT_EQ(world.chosen(), "/conda/bin/python");
}

TEST(Interpreter, none_at_all_is_an_error_that_says_what_to_do) {
  const World world{{{"PATH", "/usr/bin"}}, {}};
  EXPECT_EQ(world.chosen(), "error: : there is no python3 in PATH to run the script with");
}

/// A directory that goes away with the test.
struct Directory {
  std::filesystem::path path;
  Directory() {
    std::string name = "/tmp/cattino-cli-XXXXXX";
    path = mkdtemp(name.data());
  }
  ~Directory() { std::filesystem::remove_all(path); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  void file(const std::string& name) const {
    std::filesystem::create_directories((path / name).parent_path());
    std::ofstream(path / name) << "";
  }
};

TEST(Package, is_found_in_the_tree_the_program_was_built_in) {
  const Directory directory;
  directory.file("python/cattino/__init__.py");
  directory.file("build/asan/bin/meow");
  const World world{{}, {}, directory.path / "build/asan/bin/meow"};
  EXPECT_EQ(find_package(world.surroundings(), real_files()), (directory.path / "python").string());
}

TEST(Package, is_found_in_the_environment_the_program_was_installed_in) {
  const Directory directory;
  directory.file("lib/python3.11/site-packages/cattino/__init__.py");
  directory.file("bin/meow");
  const World world{{}, {}, directory.path / "bin/meow"};
  const std::string package = find_package(world.surroundings(), real_files());
  EXPECT_EQ(package, (directory.path / "lib/python3.11/site-packages").string());
}

TEST(Package, a_lent_one_brings_nothing_else_of_its_environment) {
  const Directory directory;
  const std::string packages = directory.path / "lib/python3.11/site-packages";
  directory.file("lib/python3.11/site-packages/cattino/__init__.py");
  directory.file("lib/python3.11/site-packages/numpy/__init__.py");
  for (int time = 0; time < 2; ++time) {
    const auto lent = lent_directory(packages, directory.path / "state");
    ASSERT_TRUE(lent) << lent.error().message;
    EXPECT_TRUE(std::filesystem::exists(*lent + "/cattino/__init__.py"));
    EXPECT_FALSE(std::filesystem::exists(*lent + "/numpy"));
  }
}

TEST(Package, one_that_was_named_is_taken) {
  const World world{{{"CATTINO_PACKAGE", "/some/where"}}, {}};
  EXPECT_EQ(find_package(world.surroundings(), real_files()), "/some/where");
}

}  // namespace
}  // namespace cattino::cli
