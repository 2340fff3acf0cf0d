// Lists in arguments: finding them, splitting them, and naming what comes of them.
#include "cli/multirun.h"

#include <algorithm>
#include <set>

#include <fmt/core.h>

namespace cattino::cli {

namespace {

Error unclosed(std::string_view inside, char what) {
  return {
      ErrorCode::invalid,
      fmt::format("the list [{}] has a {} that is never closed", inside, what),
      "arguments",
      "quote the list for the shell, as in --lr '[0.1, 0.3]'"};
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

/// Takes off the quotes if they are around all of `text`.
std::string unquoted(std::string_view text) {
  const bool quoted = text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
                      text.find(text.front(), 1) == text.size() - 1;
  return std::string(quoted ? text.substr(1, text.size() - 2) : text);
}

/// Where in `text` quotes and brackets are open, read from left to right.
struct Nesting {
  char quote = 0;
  std::string closers;

  /// True if `c` itself stands outside of all quotes and brackets.
  bool step(char c) {
    if (quote != 0) {
      quote = c == quote ? '\0' : quote;
      return false;
    }
    if (c == '"' || c == '\'') {
      quote = c;
      return false;
    }
    if (!closers.empty() && c == closers.back()) {
      closers.pop_back();
      return false;
    }
    if (c == '[' || c == '(' || c == '{') {
      closers.push_back(c == '[' ? ']' : c == '(' ? ')' : '}');
    }
    return closers.empty();
  }
};

/// A part of a task's name: without what a path, a label or a terminal would take for its own.
std::string name_part(std::string_view text) {
  std::string part;
  for (const char c : text) {
    const bool kept = static_cast<unsigned char>(c) > ' ' && c != 127 && c != '/' && c != ',';
    part.push_back(kept ? c : '_');
  }
  const auto is_bracket = [](char c) {
    return c == '[' || c == ']';
  };
  part.erase(std::remove_if(part.begin(), part.end(), is_bracket), part.end());
  if (part.size() > Multirun::label_bytes_max) {
    std::size_t cut = Multirun::label_bytes_max;
    while (cut > 0 && (static_cast<unsigned char>(part[cut]) & 0xC0U) == 0x80U) {
      --cut;  // not inside a character of several bytes
    }
    part.resize(cut);
  }
  return part;
}

std::vector<std::string> distinct_labels(const std::vector<std::string>& values) {
  std::set<std::string> taken;
  std::vector<std::string> labels;
  for (const std::string& value : values) {
    const std::string wanted = name_part(value);
    std::string label = wanted;
    for (int copy = 2; !taken.insert(label).second; ++copy) {
      label = fmt::format("{}_{}", wanted, copy);
    }
    labels.push_back(std::move(label));
  }
  return labels;
}

/// "--learning-rate=" and "--learning-rate" are "learning-rate".
std::string key_of(std::string_view text) {
  if (text.ends_with('=')) {
    text.remove_suffix(1);
  }
  text.remove_prefix(std::min(text.find_first_not_of("-+"), text.size()));
  return name_part(text);
}

}  // namespace

Result<std::vector<std::string>> split_list(std::string_view inside) {
  std::vector<std::string> values;
  Nesting nesting;
  std::size_t start = 0;
  for (std::size_t i = 0; i < inside.size(); ++i) {
    if (nesting.step(inside[i]) && inside[i] == ',') {
      values.push_back(unquoted(trim(inside.substr(start, i - start))));
      start = i + 1;
    }
  }
  if (nesting.quote != 0) {
    return unclosed(inside, nesting.quote);
  }
  if (!nesting.closers.empty()) {
    return unclosed(inside, nesting.closers.back() == ']' ? '[' : '(');
  }
  const std::string_view last = trim(inside.substr(start));
  if (!last.empty()) {  // a comma at the end adds no value, as in Python
    values.push_back(unquoted(last));
  }
  return values;
}

Result<Multirun> Multirun::parse(const std::vector<std::string>& arguments) {
  Multirun multirun;
  multirun.arguments_ = arguments;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    const std::size_t open = argument.starts_with('[') ? 0 : argument.find("=[") + 1;
    const bool is_list = argument.ends_with(']') && (open > 0 || argument.starts_with('['));
    if (!is_list) {
      continue;
    }
    Dimension dimension{i, argument.substr(0, open), {}, {}, {}};
    const bool follows_option = open == 0 && i > 0 && arguments[i - 1].starts_with('-');
    dimension.key = open > 0         ? key_of(dimension.prefix)
                    : follows_option ? key_of(arguments[i - 1])
                                     : fmt::format("{}", i + 1);
    auto values =
        split_list(std::string_view(argument).substr(open + 1, argument.size() - open - 2));
    if (!values) {
      return values.error();
    }
    if (values->empty()) {
      return Error{
          ErrorCode::invalid,
          fmt::format("the list {} is empty, so there would be no task", argument.substr(open)),
          "arguments",
          "leave out --multirun to pass it as it is"};
    }
    dimension.values = std::move(*values);
    dimension.labels = distinct_labels(dimension.values);
    multirun.count_ *= dimension.values.size();
    if (multirun.count_ > variants_max) {
      return Error{
          ErrorCode::too_large,
          fmt::format("the lists make more than {} tasks", variants_max),
          "arguments",
          ""};
    }
    multirun.dimensions_.push_back(std::move(dimension));
  }
  return multirun;
}

Multirun Multirun::literal(std::vector<std::string> arguments) {
  Multirun multirun;
  multirun.arguments_ = std::move(arguments);
  return multirun;
}

Variant Multirun::at(std::uint64_t index) const {
  Variant variant{arguments_, {}};
  std::vector<std::size_t> chosen(dimensions_.size());
  std::uint64_t rest = index;
  for (std::size_t d = dimensions_.size(); d-- > 0;) {
    const std::uint64_t size = dimensions_[d].values.size();
    chosen[d] = rest % size;
    rest /= size;
  }
  for (std::size_t d = 0; d < dimensions_.size(); ++d) {
    const Dimension& dimension = dimensions_[d];
    variant.arguments[dimension.argument] = dimension.prefix + dimension.values[chosen[d]];
    if (dimension.values.size() > 1) {
      variant.label += variant.label.empty() ? "" : ",";
      variant.label += dimension.key + "=" + dimension.labels[chosen[d]];
    }
  }
  if (variant.label.size() > label_bytes_max) {
    // Too long for a directory's name: its number tells it from the others.
    variant.label = fmt::format("variant={}", index + 1);
  }
  return variant;
}

}  // namespace cattino::cli
