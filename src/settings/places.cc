// Works out where things live, and makes private directories.
#include "settings/places.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <vector>

#include <fmt/core.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace cattino::settings {

namespace {

/// The longest path of a Unix socket: sun_path less its final NUL.
constexpr std::size_t longest_socket_path = 107;

/// Filesystems over a network, or over a program that may be one: locks and shared memory, which the
/// database needs, cannot be relied on. Magic numbers of statfs(2).
constexpr std::array<std::uint32_t, 19> network_filesystems = {
    0x6969,      // NFS
    0x517B,      // SMB
    0xFE534D42,  // SMB 2
    0xFF534D42,  // CIFS
    0x0BD00BD0,  // Lustre
    0x65735546,  // FUSE
    0x47504653,  // GPFS
    0x19830326,  // BeeGFS
    0x5346414F,  // AFS
    0x6B414653,  // kAFS
    0x00C36400,  // Ceph
    0x73757245,  // Coda
    0x564C,      // NCP
    0x01021997,  // 9P
    0x7461636F,  // OCFS2
    0x01161970,  // GFS2
    0xAAD7AAEA,  // PanFS
    0x20030528,  // OrangeFS
    0x786F4256,  // VirtualBox's shared folders
};

/// Of the nearest directory above `path` that exists.
bool is_on_network(const std::string& path) {
  std::string probe = path;
  struct statfs status = {};
  while (statfs(probe.c_str(), &status) != 0) {
    const std::size_t slash = probe.rfind('/');
    if (slash == std::string::npos || probe == "/") {
      return false;
    }
    probe = slash == 0 ? "/" : probe.substr(0, slash);
  }
  const auto magic = static_cast<std::uint32_t>(status.f_type);
  return std::find(network_filesystems.begin(), network_filesystems.end(), magic) !=
         network_filesystems.end();
}

std::string home_of_user() {
  std::vector<char> buffer(16384);
  passwd entry = {};
  passwd* found = nullptr;
  if (getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found) != 0 ||
      found == nullptr) {
    return {};
  }
  return found->pw_dir != nullptr ? found->pw_dir : "";
}

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> buffer = {};
  gethostname(buffer.data(), buffer.size() - 1);
  std::string host = buffer.data();
  std::replace(host.begin(), host.end(), '/', '_');
  return host.empty() || host.starts_with('.') ? "localhost" : host;
}

/// FNV-1a, 64 bits: the same in every release, since a path depends on it.
std::string hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }
  return fmt::format("{:016x}", hash);
}

std::string without_last_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) {
    path.pop_back();
  }
  return path;
}

/// The value of a variable if it is an absolute path; others are ignored, as XDG asks.
std::string absolute(const Environment& environment, const std::string& name) {
  std::string value = environment(name).value_or("");
  return value.starts_with('/') ? without_last_slashes(std::move(value)) : std::string();
}

struct Homes {
  std::string logs;
  std::string state;
};

Result<Homes> choose_homes(const Environment& environment, const Ground& ground) {
  std::string by_hand = environment("CATTINO_HOME").value_or("");
  if (!by_hand.empty()) {
    if (!by_hand.starts_with('/')) {
      by_hand = ground.current_directory + "/" + by_hand;
    }
    by_hand = without_last_slashes(std::move(by_hand));
    return Homes{by_hand, fmt::format("{}/.state/{}", by_hand, ground.host)};
  }
  std::string user_home = absolute(environment, "HOME");
  user_home = user_home.empty() ? ground.user_home : user_home;
  if (user_home.empty()) {
    return Error{
        .code = ErrorCode::not_found,
        .message = "neither HOME nor the user database names a home directory",
        .hint = "set HOME, or CATTINO_HOME to a directory for logs and state"};
  }
  std::string state_home = absolute(environment, "XDG_STATE_HOME");
  state_home = state_home.empty() ? user_home + "/.local/state" : state_home;
  return Homes{
      user_home + "/.cache/cattino", fmt::format("{}/cattino/{}", state_home, ground.host)};
}

Error not_private(const std::string& path, std::string_view why) {
  return {
      .code = ErrorCode::conflict,
      .message = fmt::format("{} {}, so what is in it cannot be trusted", path, why),
      .hint = "remove it, or set CATTINO_HOME to a directory of your own"};
}

bool anybody_may_write(const struct stat& status) {
  return (status.st_mode & S_IWOTH) != 0;
}

/// Makes `path` if it is missing, and looks at it. `above`: what its parent is.
Status enter(const std::string& path, const struct stat& above, struct stat& status) {
  if (lstat(path.c_str(), &status) != 0) {
    if (errno != ENOENT) {
      return system_error("look at", path, errno);
    }
    if (mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
      return system_error("make the directory", path, errno);
    }
    if (lstat(path.c_str(), &status) != 0) {
      return system_error("look at", path, errno);
    }
  }
  if (anybody_may_write(above) && status.st_uid != geteuid() && status.st_uid != 0) {
    return not_private(path, "belongs to another user");
  }
  if (S_ISLNK(status.st_mode) && stat(path.c_str(), &status) != 0) {
    return system_error("look at", path, errno);
  }
  return S_ISDIR(status.st_mode) ? ok() : Status(system_error("enter", path, ENOTDIR));
}

}  // namespace

Ground this_machine() {
  Ground ground;
  ground.host = host_name();
  ground.uid = geteuid();
  ground.user_home = home_of_user();
  std::array<char, PATH_MAX> buffer = {};
  ground.current_directory = getcwd(buffer.data(), buffer.size()) != nullptr ? buffer.data() : "";
  ground.on_network = is_on_network;
  return ground;
}

Result<Places> places(const Environment& environment) {
  return places(environment, this_machine());
}

Result<Places> places(const Environment& environment, const Ground& ground) {
  const Result<Homes> homes = choose_homes(environment, ground);
  if (!homes) {
    return homes.error();
  }
  const std::string local = fmt::format("{}/cattino-{}", ground.local, ground.uid);
  Places result;
  result.home = homes->logs;
  result.state =
      ground.on_network(homes->state) ? fmt::format("{}/{}", local, ground.host) : homes->state;
  result.database = result.state + "/state.db";
  result.lock = result.state + "/guardian.lock";
  result.binaries = result.state + "/bin";
  constexpr std::string_view longest_name = "/supervisor.sock";
  const bool fits = result.state.size() + longest_name.size() <= longest_socket_path;
  const std::string sockets =
      fits ? result.state : fmt::format("{}/{}", local, hash_of(result.state));
  result.socket = sockets + "/meow.sock";
  result.supervisor_socket = sockets + "/supervisor.sock";
  return result;
}

Status make_private_directory(const std::string& path) {
  if (!path.starts_with('/')) {
    return Error{.code = ErrorCode::invalid, .message = fmt::format("{} is not absolute", path)};
  }
  struct stat above = {};
  struct stat status = {};
  if (stat("/", &status) != 0) {
    return system_error("look at", "/", errno);
  }
  const std::string whole = without_last_slashes(path);
  for (std::size_t slash = 0; slash != std::string::npos;) {
    slash = whole.find('/', slash + 1);
    above = status;
    if (Status entered = enter(whole.substr(0, slash), above, status); !entered) {
      return entered;
    }
  }
  struct stat itself = {};
  if (lstat(whole.c_str(), &itself) != 0) {
    return system_error("look at", whole, errno);
  }
  if (!S_ISDIR(itself.st_mode)) {
    return not_private(whole, "is a link");
  }
  if (itself.st_uid != geteuid()) {
    return not_private(whole, "belongs to another user");
  }
  constexpr mode_t not_owner = S_IRWXG | S_IRWXO;
  if ((itself.st_mode & not_owner) != 0 && chmod(whole.c_str(), S_IRWXU) != 0) {
    return system_error("make private the directory", whole, errno);
  }
  return ok();
}

Status make_places(const Places& places) {
  const std::string sockets = places.socket.substr(0, places.socket.rfind('/'));
  for (const std::string& path : {places.state, sockets, places.binaries}) {
    if (Status made = make_private_directory(path); !made) {
      return made;
    }
  }
  return ok();
}

}  // namespace cattino::settings
