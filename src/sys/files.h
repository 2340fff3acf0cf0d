// Files and directories: whole reads, atomic writes, locks.
#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/result.h"
#include "sys/fd.h"

namespace cattino::sys {

/// All bytes of a file, those of /proc included.
Result<std::string> read_file(const std::string& path);

/// Writes `content` beside `path`, syncs it and renames it over `path`: readers see the old or the new
/// content, also after a power cut. One writer at a time.
Status write_file_atomically(
    const std::string& path, std::string_view content, unsigned mode = 0600);

/// On standard error. What cannot be written there, on a full disk, is dropped: nobody ends by it.
void complain(std::string_view text);

/// Writes all of `content` to a descriptor; returns 0 or the errno that stopped it.
int write_all(int fd, std::string_view content);

/// Makes `path` and its parents, as far as they are missing; returns 0 or an errno.
int make_directories_errno(const std::string& path, unsigned mode = 0777);
Status make_directories(const std::string& path, unsigned mode = 0777);

/// The directory part of a path: "/" for "/x", "." for "x".
std::string directory_of(const std::string& path);

/// Opens (and makes) `path` and takes an exclusive flock on it, held as long as the result lives. An
/// Error of code `conflict` if somebody else holds it. The file's content is left alone.
Result<Fd> lock_file(const std::string& path);
/// Says in a lock that was just taken who has it.
Status name_holder(const Fd& lock);
/// Who has the lock, as it says; 0: it does not.
pid_t holder_of(const std::string& path);

}  // namespace cattino::sys
