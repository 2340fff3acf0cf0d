// The settings file: any bytes as TOML. An error has its place in the file; what is taken can be told and
// set again.
#include "settings/settings.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

#include <fmt/core.h>
#include <sys/mman.h>
#include <unistd.h>

#include "demand.h"

namespace {

using cattino::Error;
using cattino::Result;
using cattino::fuzz::demand;
using cattino::settings::Entry;
using cattino::settings::Settings;

/// "…:3:14: what": a line that the file has, and a column.
void check_place(const Error& error, const std::string& path, std::string_view text) {
  demand(error.message.starts_with(path + ":"), "an error names the file");
  const std::string_view rest = std::string_view(error.message).substr(path.size() + 1);
  std::size_t line = 0;
  const auto [stop, failed] = std::from_chars(rest.data(), rest.data() + rest.size(), line);
  demand(failed == std::errc() && *stop == ':', "an error names the line");
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  demand(line >= 1 && line <= lines, "the line is one of the file");
}

void check_values(const Settings& settings) {
  Settings again;
  for (const Entry& entry : cattino::settings::table()) {
    const std::string shown = entry.shown(settings);
    demand(
        static_cast<bool>(cattino::settings::apply(again, entry.key, shown)),
        "a setting that was taken can be set as it is shown");
    demand(entry.shown(again) == shown, "a setting that is set as it is shown is the same");
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name that fuzzers call
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int fd = ::memfd_create("settings", MFD_CLOEXEC);
  static const std::string path = fmt::format("/proc/self/fd/{}", fd);
  demand(
      ::ftruncate(fd, 0) == 0 && ::pwrite(fd, data, size, 0) == static_cast<ssize_t>(size),
      "a file in memory can be written");
  const Result<Settings> settings = cattino::settings::load(path);
  if (settings) {
    check_values(*settings);
  } else {
    check_place(settings.error(), path, cattino::fuzz::text_of(data, size));
  }
  return 0;
}
