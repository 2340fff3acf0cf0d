// Where things live: logs under CATTINO_HOME, state and sockets on a local disk, one for each user and
// host.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "settings/settings.h"

namespace cattino::settings {

struct Places {
  std::string home;               ///< logs: $CATTINO_HOME, else ~/.cache/cattino
  std::string state;              ///< private directory; everything below is in it
  std::string socket;             ///< the daemon's
  std::string supervisor_socket;  ///< the supervisor's
  std::string database;
  std::string lock;      ///< the guardian's
  std::string binaries;  ///< the copies of our programs that the daemon runs from
};

/// What the places depend on besides the environment; tests have their own.
struct Ground {
  std::string host;               ///< of the machine
  unsigned uid = 0;               ///< the user's
  std::string user_home;          ///< when HOME is not set
  std::string current_directory;  ///< a relative CATTINO_HOME is under it
  std::string local = "/var/tmp";
  std::function<bool(const std::string& path)> on_network;  ///< is it on a network filesystem?
};
Ground this_machine();

/// Works out the places; creates nothing. `state` is `$CATTINO_HOME/.state/<host>` when CATTINO_HOME is
/// set, else `${XDG_STATE_HOME:-~/.local/state}/cattino/<host>`, and `/var/tmp/cattino-<uid>/<host>`
/// when that is on a network filesystem. Sockets whose path would be too long for the kernel are in
/// `/var/tmp/cattino-<uid>/<FNV-1a of the state's path, 64 bits in hex>`.
Result<Places> places(const Environment& environment);
Result<Places> places(const Environment& environment, const Ground& ground);

/// Makes `path`, and what is missing above it, a directory that only its owner can enter. An error if
/// it is somebody else's or a link, or if it is below somebody else's directory in a place like
/// /var/tmp, where anybody may have made it.
Status make_private_directory(const std::string& path);

/// Makes the directories of `places` that must exist before a program can run there.
Status make_places(const Places& places);

}  // namespace cattino::settings
