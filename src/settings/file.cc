// Reads the settings file.
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <iterator>

#include <fmt/core.h>

#include "base/text.h"
#include "settings/settings.h"
#include "settings/toml.h"

namespace cattino::settings {

namespace {

constexpr std::size_t largest_bytes = std::size_t{1} << 20U;

Error at(const std::string& path, const toml::source_position& place, Error error) {
  error.message = fmt::format("{}:{}:{}: {}", path, place.line, place.column, error.message);
  return error;
}

std::string_view expected(Type type) {
  switch (type) {
    case Type::text:
    case Type::choice:
      return "text in quotes";
    case Type::cores:
      return "a number";
    case Type::boolean:
      return "true or false";
    case Type::duration:
      return "text such as \"1h30m\", or seconds";
    case Type::size:
      return "text such as \"100MiB\", or MiB";
    case Type::count:
      return "a whole number";
    case Type::amounts:
      return "a table of names and whole numbers";
  }
  return "something else";
}

std::string_view found(toml::node_type type) {
  switch (type) {
    case toml::node_type::string:
      return "text";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a number with a fraction";
    case toml::node_type::boolean:
      return "a boolean";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::table:
      return "a table";
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time:
      return "a date or time";
    case toml::node_type::none:
      break;
  }
  return "nothing";
}

/// The value as `Entry::apply` takes it; nothing if its type is not what the setting wants.
std::optional<std::string> text_of(const toml::node& node, Type type) {
  const bool words =
      type == Type::text || type == Type::choice || type == Type::duration || type == Type::size;
  if (const auto* text = node.as_string(); text != nullptr && words) {
    return text->get();
  }
  if (const auto* boolean = node.as_boolean(); boolean != nullptr && type == Type::boolean) {
    return boolean->get() ? "true" : "false";
  }
  const bool number =
      type == Type::cores || type == Type::duration || type == Type::count || type == Type::size;
  if (const auto* integer = node.as_integer(); integer != nullptr && number) {
    return fmt::format("{}", integer->get());
  }
  if (const auto* floating = node.as_floating_point(); floating != nullptr && type == Type::cores) {
    return fmt::format("{}", floating->get());
  }
  return std::nullopt;
}

/// A table of numbers as `Entry::apply` takes it.
Result<std::string> text_of_amounts(std::string_view key, const toml::table& table) {
  std::string text;
  for (const auto& [name, node] : table) {
    const auto* number = node.as_integer();
    if (!is_resource_name(name.str()) || number == nullptr) {
      return Error{
          .code = ErrorCode::invalid,
          .message = number == nullptr ? fmt::format(
                                             "{}.{}: expected a whole number, got {}",
                                             key,
                                             name.str(),
                                             found(node.type()))
                                       : fmt::format("{}: '{}' is not a name", key, name.str()),
          .field = std::string(key),
          .hint = "a name has no spaces, commas or `=`"};
    }
    text += fmt::format("{}{}={}", text.empty() ? "" : ",", name.str(), number->get());
  }
  return text;
}

Status apply_node(Settings& settings, std::string_view key, const toml::node& node) {
  const Entry* entry = find(key);
  if (entry == nullptr) {
    return apply(settings, key, "");  // says that there is none, and which is nearest
  }
  std::optional<std::string> value = text_of(node, entry->type);
  if (const auto* amounts = node.as_table(); amounts != nullptr && entry->type == Type::amounts) {
    Result<std::string> text = text_of_amounts(key, *amounts);
    if (!text) {
      return text.error();
    }
    value = std::move(*text);
  }
  if (!value) {
    return Error{
        .code = ErrorCode::invalid,
        .message =
            fmt::format("{}: expected {}, got {}", key, expected(entry->type), found(node.type())),
        .field = entry->key};
  }
  Status applied = apply(settings, key, *value);
  if (!applied) {
    applied.error().message = fmt::format("{}: {}", key, applied.error().message);
  }
  return applied;
}

/// An unset variable and an empty one are the same.
std::string value_of(const Environment& environment, const std::string& name) {
  return environment(name).value_or("");
}

}  // namespace

Result<Settings> parse(const std::string& path, std::string_view text) {
  const toml::parse_result parsed = toml::parse(text, path);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return at(
        path,
        error.source().begin,
        {.code = ErrorCode::invalid,
         .message = std::string(error.description()),
         .hint = "the file is TOML: one `key = value` a line, text in quotes"});
  }
  Settings settings;
  for (const auto& [key, node] : parsed.table()) {
    if (const Status applied = apply_node(settings, key.str(), node); !applied) {
      Error error = applied.error();
      error.code = ErrorCode::invalid;
      const bool unknown = find(key.str()) == nullptr;
      return at(path, unknown ? key.source().begin : node.source().begin, std::move(error));
    }
  }
  return settings;
}

Result<std::string> default_path(const Environment& environment) {
  if (std::string path = value_of(environment, "CATTINO_SETTINGS"); !path.empty()) {
    return path;
  }
  if (const std::string config = value_of(environment, "XDG_CONFIG_HOME");
      config.starts_with('/')) {
    return config + "/cattino/settings.toml";
  }
  const std::string home = value_of(environment, "HOME");
  if (home.empty()) {
    return Error{
        .code = ErrorCode::not_found,
        .message = "HOME is not set, so there is no place for settings",
        .hint = "set HOME, or CATTINO_SETTINGS to a file"};
  }
  return home + "/.config/cattino/settings.toml";
}

Result<Settings> load(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    Error error = system_error("read the settings", path, errno != 0 ? errno : EIO);
    error.code = errno == ENOENT ? ErrorCode::not_found : ErrorCode::system;
    return error;
  }
  std::string text(largest_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) {
    return system_error("read the settings", path, EIO);
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > largest_bytes) {
    return Error{
        .code = ErrorCode::too_large,
        .message = fmt::format("{} is larger than {} bytes", path, largest_bytes)};
  }
  return parse(path, text);
}

Result<Settings> load_default(const Environment& environment) {
  Settings settings;
  const bool named = !value_of(environment, "CATTINO_SETTINGS").empty();
  if (const Result<std::string> path = default_path(environment); path) {
    Result<Settings> loaded = load(*path);
    if (loaded) {
      settings = std::move(*loaded);
    } else if (named || loaded.error().code != ErrorCode::not_found) {
      return loaded.error();
    }
  }
  if (const std::string devices = value_of(environment, "CATTINO_DEVICES"); !devices.empty()) {
    if (const Status applied = apply(settings, "devices", devices); !applied) {
      return applied.error();
    }
  }
  return settings;
}

}  // namespace cattino::settings
