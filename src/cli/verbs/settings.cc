// meow get and meow set: the settings file.
#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/table.h"
#include "cli/verbs/verbs.h"
#include "settings/edit.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/files.h"

namespace cattino::cli::verbs {

namespace {

/// The setting of this name, also in the spelling of Python.
Result<const settings::Entry*> entry_of(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  if (const settings::Entry* entry = settings::find(name)) {
    return entry;
  }
  settings::Settings none;
  Error error = settings::apply(none, name, "").error();  // names the nearest
  error.code = ErrorCode::invalid;
  return error;
}

std::string as_json(const settings::Entry& entry, const settings::Settings& values) {
  return fmt::format(
      R"({{"key":{},"value":{},"default":{},"doc":{}}})",
      json_quoted(entry.key),
      json_quoted(entry.shown(values)),
      json_quoted(entry.default_text),
      json_quoted(entry.doc));
}

std::string table_of(const settings::Settings& values, const Screen& screen) {
  Table table({{"SETTING"}, {"VALUE"}, {"DEFAULT"}});
  for (const settings::Entry& entry : settings::table()) {
    const std::string value = entry.shown(values);
    const bool differs = value != entry.default_text;
    table.add({{entry.key}, {value}, {differs ? entry.default_text : ""}});
  }
  return table.text(screen);
}

/// The file that is meant, behind links, which stay: a new one takes its place.
std::string real_path(std::string path) {
  constexpr int links_max = 40;
  std::array<char, PATH_MAX> target{};
  for (int links = 0; links < links_max; ++links) {
    const ssize_t size = readlink(path.c_str(), target.data(), target.size());
    if (size <= 0) {
      break;
    }
    const std::string next(target.data(), static_cast<std::size_t>(size));
    path = next.starts_with('/') ? next : fmt::format("{}/{}", sys::directory_of(path), next);
  }
  return path;
}

/// Holds others that change the settings off; they read what we have written.
Result<sys::Fd> lock_directory(const std::string& path) {
  constexpr Duration patience = Duration::seconds(10);
  if (const Status made = sys::make_directories(path); !made) {
    return made.error();
  }
  sys::Fd lock(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const Duration begin = sys::since_boot();
  while (lock && flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return sys::Fd();  // a filesystem without locks
    }
    if (sys::since_boot() - begin > patience) {
      return Error{
          ErrorCode::conflict, "another `meow set` does not end: it has locked " + path, {}, {}};
    }
    poll(nullptr, 0, 10);
  }
  return lock;
}

Result<std::string> text_of(const std::string& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0 && errno == ENOENT) {
    return std::string();
  }
  return sys::read_file(path);
}

unsigned mode_of(const std::string& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) == 0) {
    return found.st_mode & 0777U;
  }
  return 0666U & ~umask_of_process();
}

/// Changes the file; true if it was not so already.
Result<bool> change_file(
    const std::string& path,
    const settings::Entry& entry,
    const std::optional<std::string>& value) {
  const auto lock = lock_directory(sys::directory_of(path));
  if (!lock) {
    return lock.error();
  }
  const auto before = text_of(path);
  if (!before) {
    return before.error();
  }
  const auto after = settings::edited(path, *before, entry, value);
  if (!after) {
    return after.error();
  }
  if (*after == *before) {
    return false;
  }
  const Status written = sys::write_file_atomically(path, *after, mode_of(path));
  return written ? Result<bool>(true) : written.error();
}

/// What else has a say, and wins.
std::string overruled(const settings::Entry& entry, const Surroundings& surroundings) {
  const bool by_variable = entry.key == "devices" && !surroundings.value("CATTINO_DEVICES").empty();
  return by_variable ? "CATTINO_DEVICES is set, and goes before the file" : "";
}

}  // namespace

Result<int> get(Context& context) {
  const auto values = settings::load_default(context.surroundings.environment);
  if (!values) {
    return values.error();
  }
  const Options& options = context.options;
  if (!options.setting.empty()) {
    const auto entry = entry_of(options.setting);
    if (!entry) {
      return entry.error();
    }
    context.output.document(as_json(**entry, *values));
    context.output.text((*entry)->shown(*values) + "\n");
    if (const std::string other = overruled(**entry, context.surroundings); !other.empty()) {
      context.output.note(other);
    }
    return 0;
  }
  std::string all;
  for (const settings::Entry& entry : settings::table()) {
    all += (all.empty() ? "" : ",") + as_json(entry, *values);
  }
  context.output.document("{\"settings\":[" + all + "]}");
  context.output.text(table_of(*values, context.output.screen()));
  return 0;
}

Result<int> set(Context& context) {
  const Options& options = context.options;
  const auto entry = entry_of(options.setting);
  if (!entry) {
    return entry.error();
  }
  if (options.value.has_value() == options.to_default) {
    return Error{
        ErrorCode::invalid,
        options.to_default ? "a value and --default" : "no value is given",
        (*entry)->key,
        fmt::format("`meow set {} VALUE`, or --default", (*entry)->key)};
  }
  const auto named = settings::default_path(context.surroundings.environment);
  if (!named) {
    return named.error();
  }
  const std::string path = real_path(*named);
  if (options.value && !options.value->empty()) {
    settings::Settings none;
    if (const Status applied = settings::apply(none, (*entry)->key, *options.value); !applied) {
      Error error = applied.error();
      error.field = (*entry)->key;
      return error;
    }
  }
  const auto changed = change_file(path, **entry, options.value);
  if (!changed) {
    return changed.error();
  }
  if (context.output.json()) {
    const auto values = settings::load(path);
    context.output.document(as_json(**entry, values ? *values : settings::Settings{}));
  }
  if (const std::string other = overruled(**entry, context.surroundings); !other.empty()) {
    context.output.note(other);
  } else if (*changed && context.backend.connect()) {
    context.output.note(
        "the backend that runs keeps the old value until it starts again; `meow exit "
        "--keep-tasks` ends it, and no task");
  }
  return 0;
}

}  // namespace cattino::cli::verbs
