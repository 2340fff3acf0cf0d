// Where things live, and who may enter.
#include "settings/places.h"

#include <map>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/test_directory.h"

namespace cattino::settings {
namespace {

using Variables = std::map<std::string, std::string>;

Ground ground(const std::string& network_prefix = "/none") {
  Ground ground;
  ground.host = "box";
  ground.uid = 1000;
  ground.user_home = "/home/ada";
  ground.current_directory = "/data/here";
  ground.on_network = [network_prefix](const std::string& path) {
    return path.starts_with(network_prefix);
  };
  return ground;
}

Places at(const Variables& variables, const Ground& where = ground()) {
  const Result<Places> found = places(
      [&](const std::string& name) -> std::optional<std::string> {
        const auto variable = variables.find(name);
        return variable == variables.end() ? std::nullopt : std::optional(variable->second);
      },
      where);
  EXPECT_TRUE(found);
  return found ? *found : Places{};
}

TEST(PlacesOf, Logs_are_in_the_cache_and_state_in_the_state_home_under_the_host) {
  const Places found = at({{"HOME", "/home/eve"}});
  EXPECT_EQ(found.home, "/home/eve/.cache/cattino");
  EXPECT_EQ(found.state, "/home/eve/.local/state/cattino/box");
  EXPECT_EQ(found.socket, found.state + "/meow.sock");
  EXPECT_EQ(found.supervisor_socket, found.state + "/supervisor.sock");
  EXPECT_EQ(found.database, found.state + "/state.db");
  EXPECT_EQ(found.lock, found.state + "/guardian.lock");
  EXPECT_EQ(found.binaries, found.state + "/bin");
}

TEST(PlacesOf, The_user_database_stands_in_for_HOME) {
  EXPECT_EQ(at({}).state, "/home/ada/.local/state/cattino/box");
  Ground nobody = ground();
  nobody.user_home = "";
  EXPECT_FALSE(places([](const std::string&) { return std::nullopt; }, nobody));
}

TEST(PlacesOf, XDG_STATE_HOME_is_honoured_if_absolute) {
  EXPECT_EQ(at({{"XDG_STATE_HOME", "/state/"}}).state, "/state/cattino/box");
  EXPECT_EQ(at({{"XDG_STATE_HOME", "state"}}).state, "/home/ada/.local/state/cattino/box");
}

TEST(PlacesOf, With_CATTINO_HOME_logs_and_state_are_inside_it) {
  const Places found = at({{"CATTINO_HOME", "/scratch/cats/"}, {"XDG_STATE_HOME", "/state"}});
  EXPECT_EQ(found.home, "/scratch/cats");
  EXPECT_EQ(found.state, "/scratch/cats/.state/box");
  EXPECT_EQ(at({{"CATTINO_HOME", "cats"}}).home, "/data/here/cats");
}

TEST(PlacesOf, State_on_a_network_moves_to_a_local_disk_and_logs_stay) {
  const Places found = at({}, ground("/home"));
  EXPECT_EQ(found.home, "/home/ada/.cache/cattino");
  EXPECT_EQ(found.state, "/var/tmp/cattino-1000/box");
  EXPECT_EQ(at({{"CATTINO_HOME", "/nfs/cats"}}, ground("/nfs")).state, "/var/tmp/cattino-1000/box");
}

TEST(PlacesOf, Sockets_whose_path_would_be_too_long_move_and_only_they) {
  const std::string longest(107 - std::string("/.state/box/supervisor.sock").size() - 1, 'x');
  const Places fits = at({{"CATTINO_HOME", "/" + longest}});
  EXPECT_EQ(fits.supervisor_socket.size(), 107U);
  EXPECT_EQ(fits.supervisor_socket, fits.state + "/supervisor.sock");
  const Places moved = at({{"CATTINO_HOME", "/" + longest + "x"}});
  EXPECT_EQ(moved.database, moved.state + "/state.db");
  EXPECT_TRUE(moved.socket.starts_with("/var/tmp/cattino-1000/")) << moved.socket;
  EXPECT_TRUE(moved.socket.ends_with("/meow.sock"));
  const Places other = at({{"CATTINO_HOME", "/" + longest + "y"}});
  EXPECT_NE(moved.socket, other.socket);
}

TEST(PlacesOf, This_machine_has_a_host_a_user_and_local_temporary_files) {
  const Ground here = this_machine();
  EXPECT_FALSE(here.host.empty());
  EXPECT_EQ(here.uid, geteuid());
  EXPECT_TRUE(here.current_directory.starts_with('/'));
  EXPECT_FALSE(here.on_network("/proc/self"));
  EXPECT_FALSE(here.on_network("/proc/no/such/place"));
}

mode_t mode_of(const std::string& path) {
  struct stat status = {};
  EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777U;
}

TEST(MakePrivateDirectory, Makes_what_is_missing_for_its_owner_alone) {
  const sys::TestDirectory directory;
  const std::string path = directory / "a/b/c";
  const Status made = make_private_directory(path + "/");
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(mode_of(path), 0700U);
  EXPECT_EQ(mode_of(directory / "a"), 0700U);
  EXPECT_TRUE(make_private_directory(path));
}

TEST(MakePrivateDirectory, Closes_one_of_ours_that_was_open_to_others) {
  const sys::TestDirectory directory;
  ASSERT_EQ(mkdir((directory / "open").c_str(), 0755), 0);
  ASSERT_TRUE(make_private_directory(directory / "open"));
  EXPECT_EQ(mode_of(directory / "open"), 0700U);
}

TEST(MakePrivateDirectory, Refuses_a_link_a_file_and_a_relative_path) {
  const sys::TestDirectory directory;
  ASSERT_EQ(mkdir((directory / "real").c_str(), 0700), 0);
  ASSERT_EQ(symlink("real", (directory / "link").c_str()), 0);
  const Status link = make_private_directory(directory / "link");
  ASSERT_FALSE(link);
  EXPECT_NE(link.error().message.find("is a link"), std::string::npos);
  EXPECT_TRUE(make_private_directory(directory / "link/below"));
  EXPECT_FALSE(make_private_directory("/proc/version"));
  EXPECT_FALSE(make_private_directory("/proc/version/below"));
  EXPECT_FALSE(make_private_directory("relative"));
}

TEST(MakePrivateDirectory, Refuses_what_another_user_made) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "only root can make a directory of another user";
  }
  const sys::TestDirectory directory;
  const std::string anybody = directory / "anybody";
  ASSERT_EQ(mkdir(anybody.c_str(), 0700), 0);
  ASSERT_EQ(chmod(anybody.c_str(), 01777), 0);
  ASSERT_EQ(mkdir((anybody + "/cattino-0").c_str(), 0700), 0);
  ASSERT_EQ(chown((anybody + "/cattino-0").c_str(), 12345, 12345), 0);
  const Status itself = make_private_directory(anybody + "/cattino-0");
  ASSERT_FALSE(itself);
  EXPECT_EQ(itself.error().code, ErrorCode::conflict);
  EXPECT_NE(itself.error().message.find("another user"), std::string::npos);
  EXPECT_FALSE(make_private_directory(anybody + "/cattino-0/box"));
}

TEST(MakePlaces, Makes_the_directories_of_state_sockets_and_binaries) {
  const sys::TestDirectory directory;
  Ground here = ground();
  here.local = directory / "local";
  const Places found = at({{"CATTINO_HOME", directory / std::string(120, 'x')}}, here);
  const Status made = make_places(found);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(mode_of(found.state), 0700U);
  EXPECT_EQ(mode_of(found.binaries), 0700U);
  EXPECT_EQ(mode_of(found.socket.substr(0, found.socket.rfind('/'))), 0700U);
  EXPECT_EQ(mode_of(here.local + "/cattino-1000"), 0700U);
}

}  // namespace
}  // namespace cattino::settings
