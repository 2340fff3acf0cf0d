// Is this file a database of ours, and is it whole? What cannot be used is never changed: the user moves
// it aside by `meow test --set-aside` (decision 8).
#pragma once

#include <string>

#include "base/result.h"

namespace cattino::store {

class Connection;

/// An Error of code `corrupt` that says how to go on.
Error corrupt(std::string message);

/// Before SQLite opens it, which by itself would throw away the log of an empty file, and bring a file of
/// another program up to date with its journal.
Status check_files(const std::string& path);

/// Reads all of it; takes about as long as loading it. An error if the structure is broken.
Status check_structure(Connection& connection);

/// Reads all of it if there is reason to: it is small, a daemon has met damage, or the machine went down while
/// the database was in use. `log_left`: there was a log when it was opened.
Status check_if_suspect(Connection& connection, bool log_left);

/// Something was read that cannot be: the next start has a look at all of it.
void note_damage(const std::string& path, const std::string& what);

/// The boot under which the database was used last.
inline constexpr const char* boot_fact = "boot";

}  // namespace cattino::store
