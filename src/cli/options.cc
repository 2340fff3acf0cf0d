// What a command line says, read by the grammar.
#include "cli/options.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <fmt/core.h>

#include "base/text.h"
#include "base/version.h"
#include "cli/grammar.h"
#include "cli/help.h"
#include "settings/settings.h"

namespace cattino::cli {

namespace {

/// The verb of that name; null if there is none.
CLI::App* verb_named(Grammar& grammar, const std::string& name) {
  const auto verbs =
      grammar.app.get_subcommands([&](CLI::App* verb) { return verb->get_name() == name; });
  return verbs.empty() ? nullptr : verbs.front();
}

/// Names of the verbs that help shows.
std::vector<std::string> verbs_of(const Grammar& grammar) {
  std::vector<std::string> names;
  for (const CLI::App* verb : grammar.app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!verb->get_group().empty()) {
      names.push_back(verb->get_name());
    }
  }
  return names;
}

std::vector<std::string> options_of(const CLI::App& verb) {
  std::vector<std::string> names;
  for (const CLI::Option* option : verb.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      names.push_back("--" + name);
    }
  }
  return names;
}

Error unknown(
    std::string_view kind, const std::string& word, const std::vector<std::string>& known) {
  Error error{ErrorCode::invalid, fmt::format("unknown {} '{}'", kind, word), {}, {}};
  const auto near = nearest(word, known);
  error.hint = near ? fmt::format("did you mean '{}'?", *near) : "see `meow --help`";
  return error;
}

/// Where the subject of `create` stands in `arguments`, from `first` on; its size if nowhere.
std::size_t find_subject(
    const CLI::App& create, const std::vector<std::string>& arguments, std::size_t first) {
  for (std::size_t i = first; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word == "--") {
      return arguments.size();
    }
    if (word.size() < 2 || word.front() != '-') {
      return i;
    }
    const bool is_long = word.starts_with("--");
    const CLI::Option* option =
        create.get_option_no_throw(is_long ? word.substr(0, word.find('=')) : word.substr(0, 2));
    const bool value_attached = is_long ? word.find('=') != std::string::npos : word.size() > 2;
    if (option != nullptr && option->get_items_expected_max() > 0 && !value_attached) {
      ++i;
    }
  }
  return arguments.size();
}

bool is_script(const std::string& subject) {
  std::error_code ignored;
  return subject.ends_with(".py") && std::filesystem::is_regular_file(subject, ignored);
}

/// Takes what belongs to the task or the script off the end of `arguments`, so that CLI11 does not see
/// it. Returns it.
std::vector<std::string> take_foreign(
    const CLI::App& create, std::vector<std::string>& arguments, std::size_t verb) {
  const auto begin = arguments.begin() + static_cast<std::ptrdiff_t>(verb);
  const std::size_t subject = find_subject(create, arguments, verb + 1);
  const bool flagged = std::find(begin, arguments.end(), "--script") <
                       begin + static_cast<std::ptrdiff_t>(subject - verb);
  auto cut = std::find(begin, arguments.end(), "--");
  bool skip = cut != arguments.end();
  if (subject < arguments.size() && (flagged || is_script(arguments[subject]))) {
    cut = arguments.begin() + static_cast<std::ptrdiff_t>(subject) + 1;
    skip = cut != arguments.end() && *cut == "--";
  }
  std::vector<std::string> foreign(cut + (skip ? 1 : 0), arguments.end());
  arguments.erase(cut, arguments.end());
  return foreign;
}

/// What CLI11 says of a value, in our form.
Error refused(const CLI::ParseError& error, const CLI::App& verb) {
  const auto left = verb.remaining();
  const auto is_option = [](const std::string& word) {
    return word.starts_with('-');
  };
  if (const auto word = std::find_if(left.begin(), left.end(), is_option); word != left.end()) {
    return unknown("option", word->substr(0, word->find('=')), options_of(verb));
  }
  Error result{ErrorCode::invalid, error.what(), {}, {}};
  if (!left.empty()) {
    result.message = fmt::format("unexpected argument '{}'", left.front());
  }
  result.hint = fmt::format("see `meow {} --help`", verb.get_name());
  return result;
}

Result<Parsed> parsed(Grammar& grammar, const std::string& verb) {
  Options& options = grammar.options;
  options.verb = verb;
  options.mode = grammar.json ? Mode::json : grammar.quiet ? Mode::quiet : Mode::text;
  if (verb == "create") {
    if (grammar.app.get_subcommand("create")->count("--min-devices") > 0) {
      options.create.min_devices = static_cast<std::uint16_t>(grammar.min_devices);
    }
    options.create.script = grammar.as_script || is_script(options.create.subject);
  }
  return Parsed(std::move(options));
}

Result<Parsed> parse(Grammar& grammar, std::vector<std::string> arguments) {
  const std::string verb_name = arguments.front();
  CLI::App* verb = verb_named(grammar, verb_name);
  if (verb == nullptr) {
    const bool option = verb_name.starts_with('-');
    return unknown(
        option ? "option" : "verb",
        verb_name,
        option ? std::vector<std::string>{"--help", "--version"} : verbs_of(grammar));
  }
  if (verb_name == "__reference") {
    return Parsed(Print{reference_markdown(pages_of(grammar))});
  }
  if (verb_name == "__complete") {
    grammar.options.words.assign(arguments.begin() + 1, arguments.end());
    return parsed(grammar, verb_name);
  }
  if (verb_name == "create") {
    grammar.options.create.arguments = take_foreign(*verb, arguments, 0);
  }
  std::reverse(arguments.begin(), arguments.end());  // CLI11 wants them so
  try {
    grammar.app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    return Parsed(Print{help_text(page_of(*verb))});
  } catch (const CLI::ParseError& error) {
    return refused(error, *verb);
  }
  return parsed(grammar, verb_name);
}

}  // namespace

Result<Parsed> parse_options(const std::vector<std::string>& arguments) {
  if (!arguments.empty() && (arguments.front() == "--version" || arguments.front() == "-V")) {
    return Parsed(Print{fmt::format("meow {}\n", program_version)});
  }
  try {
    auto grammar = make_grammar();
    const bool help = arguments.empty() || arguments.front() == "-h" ||
                      arguments.front() == "--help" || arguments.front() == "help";
    if (!help) {
      return parse(*grammar, arguments);
    }
    if (arguments.size() > 1 && arguments.front() == "help") {
      return parse(*grammar, {arguments[1], "--help"});
    }
    return Parsed(Print{help_text(pages_of(*grammar))});
  } catch (const std::exception& error) {
    return Error{ErrorCode::internal, fmt::format("the command line: {}", error.what()), {}, {}};
  }
}

namespace {

std::vector<std::string> settings_keys() {
  std::vector<std::string> keys;
  for (const settings::Entry& entry : settings::table()) {
    keys.push_back(entry.key);
  }
  return keys;
}

/// Of a setting that has a few.
std::vector<std::string> values_of(const std::string& key) {
  const settings::Entry* entry = settings::find(key);
  if (entry == nullptr) {
    return {};
  }
  return entry->type == settings::Type::boolean ? std::vector<std::string>{"true", "false"}
                                                : entry->choices;
}

/// What may follow the words of a verb, of which there are two at least.
std::vector<std::string> candidates_of(
    const CLI::App& verb, const std::vector<std::string>& words, Completions& completions) {
  const std::string& before = words[words.size() - 2];
  if (words.back().starts_with('-')) {
    return options_of(verb);
  }
  if (verb.get_name() == "completion") {
    return {"bash", "zsh", "fish"};
  }
  if (verb.get_option_no_throw("setting") != nullptr) {
    return words.size() == 2 ? settings_keys() : values_of(before);
  }
  if (before == "--status" || before == "-s") {
    return {"Waiting", "Running", "Done", "Failed", "Cancelled"};
  }
  completions.names = verb.get_option_no_throw("names") != nullptr;
  completions.files = !completions.names;
  return {};
}

}  // namespace

Completions complete(const std::vector<std::string>& words) {
  Completions completions;
  std::vector<std::string>& found = completions.words;
  try {
    auto grammar = make_grammar();
    const CLI::App* verb = words.size() < 2 ? nullptr : verb_named(*grammar, words.front());
    if (words.size() < 2) {
      found = verbs_of(*grammar);
    } else if (verb != nullptr) {
      found = candidates_of(*verb, words, completions);
    }
  } catch (const std::exception&) {
    return {};
  }
  const std::string last = words.empty() ? "" : words.back();
  const auto differs = [&last](const std::string& word) {
    return !word.starts_with(last);
  };
  found.erase(std::remove_if(found.begin(), found.end(), differs), found.end());
  return completions;
}

}  // namespace cattino::cli
