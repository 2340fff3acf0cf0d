// The supervisor's journal with damage in it, and the guardian's lines of ends.
//
// First byte: how many good records come first; each takes two bytes. What follows is appended as it is.
#include "supervisor/journal.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <fmt/core.h>
#include <sys/mman.h>
#include <unistd.h>

#include "demand.h"

namespace cattino::supervisor {
namespace {

using fuzz::demand;
using fuzz::take_byte;

/// A file without a place, so that each input costs no disk.
class MemoryFile {
 public:
  MemoryFile() : fd_{::memfd_create("journal", MFD_CLOEXEC)} {}

  Journal read(std::string_view content) const {
    demand(::ftruncate(fd_, 0) == 0, "a file in memory can be emptied");
    demand(
        ::pwrite(fd_, content.data(), content.size(), 0) == static_cast<ssize_t>(content.size()),
        "a file in memory can be written");
    return read_journal(fmt::format("/proc/self/fd/{}", fd_));
  }

 private:
  int fd_;
};

std::string record_of(std::uint8_t kind, std::uint64_t key) {
  switch (kind % 4) {
    case 0:
      return fmt::format("I {}\n", key);
    case 1:
      return fmt::format("S {} {}\n", key, 100 + kind);
    case 2:
      return end_record({key, ExitStatus::of_code(kind), 100, Time{kind}, 1, 2, 3});
    default:
      return fmt::format("A {}\n", key);
  }
}

/// All words of it that could name a key, which may have zeros in front.
std::set<std::string> words_of(std::string_view text) {
  std::set<std::string> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
    const std::string_view word = text.substr(0, end);
    words.emplace(word.substr(std::min(word.find_first_not_of('0'), word.size())));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

bool same(const Past& left, const Past& right) {
  return left.intended_only == right.intended_only && left.ended == right.ended &&
         left.pid == right.pid && end_record(left.exited) == end_record(right.exited);
}

void check_reports(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (const std::optional<Exited> exited = parse_end_record(text.substr(0, end))) {
      std::string line = end_record(*exited);
      line.pop_back();
      const std::optional<Exited> again = parse_end_record(line);
      demand(again && end_record(*again) == line + "\n", "an end is written and read as the same");
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void check(std::string_view bytes) {
  static const MemoryFile file;
  std::string content = "cattino-supervisor 1 a-boot 42\n";
  for (unsigned left = take_byte(bytes) % 16; left > 0; --left) {
    const std::uint8_t kind = take_byte(bytes);
    content += record_of(kind, std::uint64_t{1} + take_byte(bytes));
  }
  const Journal before = file.read(content);
  const Journal after = file.read(content + std::string(bytes));
  demand(after.boot_id == "a-boot" && after.epoch == 42, "the first line stands");
  const std::set<std::string> words = words_of(bytes);
  for (const auto& [key, past] : before.past) {
    const auto found = after.past.find(key);
    const bool is_kept = found != after.past.end() && same(found->second, past);
    // Only a line about the key itself may change what is known of it.
    const bool is_named = words.count(fmt::format("{}", key)) > 0;
    demand(is_kept || is_named, "damage takes no record that stands before it");
  }
  for (const auto& [key, past] : after.past) {
    demand(key != 0 && key >> 63U == 0, "a key is one that the supervisor may have given");
    demand(past.pid >= 0, "a pid is one of a process");
  }
  check_reports(bytes);
}

}  // namespace
}  // namespace cattino::supervisor

// NOLINTNEXTLINE(readability-identifier-naming): the name that fuzzers call
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  cattino::supervisor::check(cattino::fuzz::text_of(data, size));
  return 0;
}
