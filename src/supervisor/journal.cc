// Reading and appending the journal.
#include "supervisor/journal.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <iterator>
#include <limits>
#include <optional>

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include "supervisor/limits.h"
#include "supervisor/tokens.h"
#include "sys/faults.h"
#include "sys/files.h"

namespace cattino::supervisor {
namespace {

constexpr std::string_view magic = "cattino-supervisor 1 ";

/// Takes words and numbers off the front of a line.
class Words {
 public:
  explicit Words(std::string_view line) : line_{line} {}

  std::string_view word() {
    const std::size_t end = std::min(line_.find(' '), line_.size());
    const std::string_view taken = line_.substr(0, end);
    line_.remove_prefix(std::min(end + 1, line_.size()));
    return taken;
  }

  template <class T>
  T number(T min, T max) {
    const std::string_view text = word();
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    good_ = good_ && error == std::errc{} && end == text.data() + text.size() && value >= min &&
            value <= max;
    return value;
  }

  template <class T>
  T number() {
    return number(std::numeric_limits<T>::min(), std::numeric_limits<T>::max());
  }

  [[nodiscard]] bool more() const { return !line_.empty(); }
  [[nodiscard]] bool good() const { return good_ && line_.empty(); }

 private:
  std::string_view line_;
  bool good_ = true;
};

std::string intent_record(std::uint64_t key, std::uint32_t slot) {
  return fmt::format("I {} {}\n", key, slot);
}

std::string spawned_record(std::uint64_t key, pid_t pid, std::uint32_t slot) {
  return fmt::format("S {} {} {}\n", key, pid, slot);
}

std::string content_of(const Journal& journal) {
  std::string text = fmt::format("{}{} {}\n", magic, journal.boot_id, journal.epoch);
  if (!journal.cgroups.empty()) {
    text += fmt::format("C {}\n", journal.cgroups);
  }
  for (const auto& [key, past] : journal.past) {
    if (past.ended) {
      text += past.slot != 0 ? spawned_record(key, past.pid, past.slot) : std::string{};
      text += end_record(past.exited);
    } else if (past.intended_only) {
      text += intent_record(key, past.slot);
    } else {
      text += spawned_record(key, past.pid, past.slot);
    }
  }
  return text;
}

/// An older supervisor wrote none.
std::uint32_t slot_of(Words& words) {
  return words.more() ? words.number<std::uint32_t>() : 0;
}

/// A cgroup is given to another attempt only when nobody is left of the one before.
void hold(Journal& journal, std::uint64_t key, std::uint32_t slot) {
  journal.past[key].slot = slot;
  if (slot == 0) {
    return;
  }
  const auto [holder, first] = journal.holders.try_emplace(slot, key);
  const auto before = journal.past.find(holder->second);
  if (holder->second != key && before != journal.past.end() && before->second.slot == slot) {
    before->second.slot = 0;
  }
  holder->second = key;
}

/// Takes over what one line says. A line that says nothing we know is passed over.
void apply(std::string_view line, Journal& journal) {
  if (const std::optional<Exited> exited = parse_end_record(line)) {
    if (!may_be_given(exited->key)) {
      return;
    }
    Past& past = journal.past[exited->key];
    past.ended = true;
    past.intended_only = false;
    past.exited = *exited;
    return;
  }
  if (line.starts_with("C ")) {
    journal.cgroups = line.substr(2);
    return;
  }
  Words words{line};
  const std::string_view kind = words.word();
  const auto key = words.number<std::uint64_t>();
  if (!may_be_given(key)) {
    return;
  }
  if (kind == "S") {
    const auto pid = words.number<pid_t>(1, std::numeric_limits<pid_t>::max());
    const std::uint32_t slot = slot_of(words);
    if (words.good()) {
      Past& past = journal.past[key];
      past.intended_only = false;
      past.pid = pid;
      hold(journal, key, slot);
    }
  } else if (kind == "I") {
    const std::uint32_t slot = slot_of(words);
    if (words.good()) {
      hold(journal, key, slot);
    }
  } else if (kind == "A" && words.good()) {
    journal.past.erase(key);
  }
}

Result<sys::Fd> open_at_end(const std::string& path) {
  sys::Fd file{::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC)};
  if (!file) {
    return system_error("open", path, errno);
  }
  return file;
}

/// The last line of a file that somebody else wrote may be torn: it is no part of the next.
std::string after_torn(const std::string& records) {
  return '\n' + records;
}

}  // namespace

std::string end_record(const Exited& exited) {
  return fmt::format(
      "E {} {} {} {} {} {} {} {} {}{}\n",
      exited.key,
      exited.pid,
      static_cast<unsigned>(exited.status.kind),
      static_cast<unsigned>(exited.status.stage),
      exited.status.value,
      exited.at.us,
      exited.user_us,
      exited.system_us,
      exited.max_rss_kib,
      exited.out_of_memory ? " 1" : "");
}

std::optional<Exited> parse_end_record(std::string_view line) {
  Words words{line};
  if (words.word() != "E") {
    return std::nullopt;
  }
  Exited exited;
  exited.key = words.number<std::uint64_t>();
  exited.pid = words.number<std::int32_t>();
  exited.status.kind = static_cast<ExitStatus::Kind>(
      words.number<std::uint8_t>(0, static_cast<std::uint8_t>(ExitStatus::Kind::lost)));
  exited.status.stage = static_cast<StartStage>(
      words.number<std::uint8_t>(0, static_cast<std::uint8_t>(StartStage::exec)));
  exited.status.value = words.number<std::int32_t>();
  exited.at.us = words.number<std::int64_t>();
  exited.user_us = words.number<std::int64_t>();
  exited.system_us = words.number<std::int64_t>();
  exited.max_rss_kib = words.number<std::int64_t>();
  exited.out_of_memory = words.more() && words.number<int>(1, 1) == 1;
  if (!words.good()) {
    return std::nullopt;
  }
  return exited;
}

Journal read_journal(const std::string& path) {
  Journal journal;
  const Result<std::string> text = sys::read_file(path);
  if (!text || !text->starts_with(magic)) {
    return journal;
  }
  std::string_view rest = *text;
  bool first = true;
  // What follows the last newline is torn.
  for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (!first) {
      apply(line, journal);
      continue;
    }
    first = false;
    Words words{line.substr(magic.size())};
    journal.boot_id = words.word();
    journal.epoch = words.number<std::uint64_t>();
  }
  return journal;
}

Status append_records(const std::string& path, const std::string& records) {
  const Result<sys::Fd> file = open_at_end(path);
  if (!file) {
    return file.error();
  }
  if (const int error = sys::write_all(file->get(), after_torn(records)); error != 0) {
    return system_error("write", path, error);
  }
  return ok();
}

Status JournalWriter::open(const std::string& path, const Journal& content) {
  const std::string text = content_of(content);
  const std::string temporary = path + ".new";
  sys::Fd file{
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600)};
  if (!file) {
    return system_error("create", temporary, errno);
  }
  if (const int error = sys::write_all(file.get(), text); error != 0) {
    ::unlink(temporary.c_str());  // a full disk needs its room
    return system_error("write", temporary, error);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    return system_error("rename", path, errno);
  }
  file_ = std::move(file);
  size_ = text.size();
  buffer_.clear();
  return ok();
}

Status JournalWriter::go_on(const std::string& path, const Journal& content) {
  Result<sys::Fd> file = open_at_end(path);
  if (!file) {
    return file.error();
  }
  file_ = std::move(*file);
  buffer_ = after_torn(content_of(content));
  size_ = journal_size_max + 1;  // to be written anew as soon as that can be
  return ok();
}

void JournalWriter::intend(std::uint64_t key, std::uint32_t slot) {
  buffer_ += intent_record(key, slot);
}

void JournalWriter::spawned(std::uint64_t key, pid_t pid, std::uint32_t slot) {
  buffer_ += spawned_record(key, pid, slot);
}

void JournalWriter::ended(const Exited& exited) {
  buffer_ += end_record(exited);
}

void JournalWriter::acknowledged(std::uint64_t key) {
  fmt::format_to(std::back_inserter(buffer_), "A {}\n", key);
}

void JournalWriter::flush() {
  while (!buffer_.empty()) {
    if (sys::fault_fails("journal.full")) {
      return;
    }
    const std::size_t size = sys::fault_fails("journal.short") ? 1 : buffer_.size();
    const ssize_t wrote = ::write(file_.get(), buffer_.data(), size);
    if (wrote <= 0 && errno == EINTR) {
      continue;
    }
    if (wrote <= 0) {
      return;
    }
    size_ += static_cast<std::size_t>(wrote);
    buffer_.erase(0, static_cast<std::size_t>(wrote));
  }
}

bool JournalWriter::wants_compaction(std::size_t live) const {
  constexpr std::size_t record_size = 128;
  if (live == 0) {
    return size_ > journal_size_min;
  }
  return size_ > journal_size_max && live * record_size < size_ / 2;
}

}  // namespace cattino::supervisor
