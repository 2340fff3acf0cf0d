// meow get and meow set: the settings file.
#include <cstdlib>
#include <memory>

#include <fmt/core.h>
#include <sys/stat.h>

#include "cli/table.h"
#include "cli/verbs/verbs.h"
#include "settings/edit.h"
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

/// The file that is meant, behind links: a new one takes its place.
std::string real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(
      realpath(path.c_str(), nullptr), &std::free);
  return real ? std::string(real.get()) : path;
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
  return stat(path.c_str(), &found) == 0 ? found.st_mode & 0777U : 0644U;
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
  const auto before = text_of(path);
  if (!before) {
    return before.error();
  }
  const auto after = settings::edited(path, *before, **entry, options.value);
  if (!after) {
    return after.error();
  }
  if (*after != *before) {
    if (const Status made = sys::make_directories(sys::directory_of(path)); !made) {
      return made.error();
    }
    if (const Status written = sys::write_file_atomically(path, *after, mode_of(path)); !written) {
      return written.error();
    }
  }
  const auto values = settings::parse(path, *after);
  context.output.document(as_json(**entry, *values));
  if (*after != *before && context.backend.connect()) {
    context.output.note(
        "the backend that runs keeps the old value until it starts again; `meow exit "
        "--keep-tasks` ends it, and no task");
  }
  return 0;
}

}  // namespace cattino::cli::verbs
