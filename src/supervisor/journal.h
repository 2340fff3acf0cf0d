// What the supervisor must not forget when it is killed: a text file, one record a line.
//
//   cattino-supervisor 1 BOOT EPOCH     first line
//   C PATH                              the pool of cgroups that SLOTs are in
//   I KEY SLOT                          is about to be spawned; 0, or no SLOT: in no cgroup of its own
//   S KEY PID SLOT                      was spawned, or adopted
//   E KEY PID KIND STAGE VALUE AT USER SYSTEM RSS   ended (fields of Exited); and a 1: for want of memory
//   A KEY                               the daemon has the exit: forgotten
//
// It is written before what it says takes effect, and never synced: the page cache outlives us, and a
// power cut ends the tasks anyway. A torn last line is no record.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/result.h"
#include "supervisor/messages.h"
#include "sys/fd.h"

namespace cattino::supervisor {

/// What is known of a key that was not acknowledged.
struct Past {
  bool intended_only = true;
  bool ended = false;
  pid_t pid = 0;
  std::uint32_t slot = 0;  ///< 0: none, or it was given to another one since
  Exited exited;
};

struct Journal {
  std::string boot_id;
  std::uint64_t epoch = 0;
  std::string cgroups;  ///< path of the pool; empty: none
  std::map<std::uint64_t, Past> past;
  std::map<std::uint32_t, std::uint64_t> holders;  ///< slot → the last key that was given it
};

/// One record of an end; the guardian sends such lines, too.
std::string end_record(const Exited& exited);
std::optional<Exited> parse_end_record(std::string_view line);

/// Where the supervisor of a state directory has it.
inline std::string journal_of(const std::string& state_directory) {
  return state_directory + "/supervisor.journal";
}

/// Reads what is there; an absent or foreign file holds nothing.
Journal read_journal(const std::string& path);

/// Appends whole records to a journal that nobody writes.
Status append_records(const std::string& path, const std::string& records);

/// Appends records. They leave at `flush`, in one write.
class JournalWriter {
 public:
  /// Replaces the file by one that says `content`.
  Status open(const std::string& path, const Journal& content);

  /// Goes on with the file that is there, and says `content` again at the next flush.
  Status go_on(const std::string& path, const Journal& content);

  void intend(std::uint64_t key, std::uint32_t slot = 0);
  void spawned(std::uint64_t key, pid_t pid, std::uint32_t slot = 0);
  void ended(const Exited& exited);
  void acknowledged(std::uint64_t key);

  /// What a full disk refuses is kept and tried again at the next flush.
  void flush();
  [[nodiscard]] bool flushed() const { return buffer_.empty(); }

  /// True if most of it is about forgotten keys; `live` are not. Then `open` it anew.
  [[nodiscard]] bool wants_compaction(std::size_t live) const;

 private:
  sys::Fd file_;
  std::string buffer_;
  std::size_t size_ = 0;
};

}  // namespace cattino::supervisor
