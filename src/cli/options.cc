// The command line's grammar. The only file that knows CLI11, which takes seconds to compile and throws.
#include "cli/options.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <system_error>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/core.h>

#include "base/text.h"

namespace cattino::cli {

namespace {

constexpr const char* footer =
    "Exit status: 0 it worked; 1 it failed; 2 the request is wrong; 3 no backend can be reached.\n"
    "`meow wait` and `meow watch NAME` have their own: see their --help.";
constexpr const char* wait_footer =
    "Exit status: 0 all are Done; 1 some Failed; 4 only cancellations besides; 5 the timeout is "
    "over;\n"
    "6 nothing that is left can go on without you. 2 and 3 as for every verb.";
constexpr const char* create_footer =
    "meow create task.py ARGS...        runs the script, which exports its tasks; all that follows "
    "its\n"
    "                                   name is for the script\n"
    "meow create \"CMD\" OPTIONS -- ARGS  runs CMD ARGS as one task; with --multirun, lists in "
    "ARGS\n"
    "                                   (--lr [0.1,0.3] model=[a,b]) are one task for each value";

/// The tree of verbs, bound to the Options it fills.
struct Grammar {
  CLI::App app{"Runs tasks on the devices of this machine when they are free.", "meow"};
  Options options;
  bool json = false;
  bool quiet = false;
  bool as_script = false;
  std::uint32_t min_devices = 0;
};

CLI::App* add_verb(Grammar& grammar, const std::string& name, const std::string& doc) {
  CLI::App* verb = grammar.app.add_subcommand(name, doc);
  verb->add_flag("--json", grammar.json, "print JSON");
  verb->add_flag("-q,--quiet", grammar.quiet, "print nothing but errors");
  return verb;
}

CLI::Option* add_names(Grammar& grammar, CLI::App* verb, const std::string& doc) {
  return verb->add_option("names", grammar.options.names, doc)->type_name("NAME");
}

void add_list(
    CLI::App* verb, const std::string& flags, std::vector<std::string>& to, const char* doc) {
  // Without this a list takes the positionals that follow it.
  verb->add_option(flags, to, doc)->allow_extra_args(false)->take_all();
}

void add_create(Grammar& grammar) {
  CreateOptions& create = grammar.options.create;
  CLI::App* verb = add_verb(grammar, "create", "create tasks from a command or a Python script");
  verb->add_option("command", create.subject, "a command, or a Python script that exports tasks")
      ->required()
      ->type_name("CMD|SCRIPT");
  verb->add_option("-n,--task-name,--name", create.name, "the task's name");
  verb->add_option("-g,--group-name,--group", create.group, "the group it is in");
  verb->add_option("-p,--priority", create.priority, "higher goes first (default 0)");
  verb->add_option("-c,--min-devices", grammar.min_devices, "devices it needs (default 1)")
      ->check(CLI::Range(0, 65535))
      ->type_name("N");
  verb->add_option(
      "-M,--requires-memory-per-device,--memory",
      create.memory,
      "memory it needs on each device: MiB, 20GiB, 50%; unset: the whole device, alone");
  verb->add_option("--cpus", create.cpus, "cores it needs");
  verb->add_option("--ram", create.ram, "host memory it needs");
  add_list(verb, "-e,--env", create.env, "KEY=VALUE for its environment; may be repeated");
  verb->add_option("-C,--directory", create.directory, "where it runs (default: here)");
  verb->add_option(
          "--name-conflict,--override-exist-tasks,--on-conflict",
          create.name_conflict,
          "when a task that has not ended has the name: forbid, allow (it is cancelled) or rename")
      ->check(CLI::IsMember({"forbid", "allow", "rename"}));
  verb->add_option("--python", create.python, "the interpreter that runs the script");
  verb->add_flag("-m,--multirun", create.multirun, "expand lists in ARGS: one task for each value");
  verb->add_flag("--script", grammar.as_script, "CMD is a Python script, whatever it is called");
  verb->footer(create_footer);
}

void add_run(Grammar& grammar) {
  RunOptions& run = grammar.options.run;
  CLI::App* verb =
      add_verb(grammar, "run", "run a backend in the foreground and show what happens");
  verb->add_option("--devices", run.devices, "declare devices: 4, or 4x24GiB");
  verb->add_option("--memory", run.memory, "memory of each declared device");
  verb->add_option("--cpus", run.cpus, "cores that tasks may use");
}

void add_lookers(Grammar& grammar) {
  Options& options = grammar.options;
  CLI::App* list = add_verb(grammar, "list", "list tasks");
  add_names(grammar, list, "tasks or groups (default: all recent ones)");
  list->add_flag("-a,--all", options.everything, "also what ended long ago");
  add_list(list, "-s,--status", options.statuses, "only tasks with this status; may be repeated");
  list->add_option("-l,--limit", options.limit, "at most so many tasks (default 1000)");

  CLI::App* show = add_verb(grammar, "show", "show everything about tasks or groups");
  add_names(grammar, show, "tasks or groups")->required();

  CLI::App* watch = add_verb(grammar, "watch", "follow a task's output, or all tasks, live");
  add_names(grammar, watch, "a task, whose output to follow (default: a live table of all)");
  watch->add_flag("-e,--stderr", options.errors, "follow stderr instead of stdout");
  watch->add_option("-n,--tail", options.tail, "begin with the last N lines")->type_name("N");
  watch->footer(
      "Exit status of `meow watch NAME`: the task's own (128 + the signal that killed it).");

  CLI::App* wait = add_verb(grammar, "wait", "wait until tasks have ended");
  add_names(grammar, wait, "tasks or groups (default: all that have not ended)");
  wait->add_option("-A,--all", options.match, "tasks whose names match this expression")
      ->type_name("REGEX");
  wait->add_option("-t,--timeout", options.timeout, "wait no longer than this: 90s, 5m, 2h")
      ->type_name("TIME");
  wait->footer(wait_footer);

  CLI::App* test = add_verb(grammar, "test", "tell whether the backend, or a task, is running");
  add_names(grammar, test, "a task");
  test->footer("Exit status: 0 it runs; 1 the task does not; 3 the backend does not.");
  add_verb(grammar, "devices", "list devices and who holds them");
  add_verb(grammar, "meow", "meow");
}

void add_changers(Grammar& grammar) {
  const std::vector<std::pair<std::string, std::string>> verbs = {
      {"cancel", "cancel tasks: waiting ones never run, running ones are stopped"},
      {"resume", "let failed or cancelled tasks wait for their turn again"},
      {"kill", "stop running tasks; they end as Failed"},
      {"remove", "cancel tasks and hide them"}};
  for (const auto& [name, doc] : verbs) {
    CLI::App* verb = add_verb(grammar, name, doc);
    add_names(grammar, verb, "tasks or groups");
    verb->add_option("-A,--all", grammar.options.match, "tasks whose names match this expression")
        ->type_name("REGEX");
    verb->add_flag("-w,--wait", grammar.options.wait, "return when those that ran have ended");
  }
  CLI::App* exit = add_verb(grammar, "exit", "stop the backend and the tasks it runs");
  exit->add_flag("-y,--yes", grammar.options.yes, "do not ask");
  exit->add_flag("--keep-tasks", grammar.options.keep_tasks, "let the running tasks go on");
}

void add_hidden(Grammar& grammar) {
  CLI::App* completion = add_verb(grammar, "completion", "print completion for a shell");
  completion->add_option("shell", grammar.options.shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  // For other programs; the empty group hides them.
  add_verb(grammar, "_start", "start the backend, print its socket's path")->group("");
  grammar.app.add_subcommand("__complete", "words that could follow")->group("");
}

std::unique_ptr<Grammar> make_grammar() {
  auto grammar = std::make_unique<Grammar>();
  add_create(*grammar);
  add_run(*grammar);
  add_lookers(*grammar);
  add_changers(*grammar);
  add_hidden(*grammar);
  grammar->app.footer(footer);
  grammar->app.set_help_flag("-h,--help", "print this help");
  return grammar;
}

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
    return Parsed(Print{verb->help("meow")});
  } catch (const CLI::ParseError& error) {
    return refused(error, *verb);
  }
  return parsed(grammar, verb_name);
}

}  // namespace

Result<Parsed> parse_options(const std::vector<std::string>& arguments) {
  if (!arguments.empty() && (arguments.front() == "--version" || arguments.front() == "-V")) {
    return Parsed(Print{fmt::format("meow {}\n", CATTINO_VERSION)});
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
    return Parsed(Print{grammar->app.help()});
  } catch (const std::exception& error) {
    return Error{ErrorCode::internal, fmt::format("the command line: {}", error.what()), {}, {}};
  }
}

Completions complete(const std::vector<std::string>& words) {
  Completions completions;
  const std::string last = words.empty() ? "" : words.back();
  const auto keep = [&](const std::vector<std::string>& candidates) {
    for (const std::string& candidate : candidates) {
      if (candidate.starts_with(last)) {
        completions.words.push_back(candidate);
      }
    }
  };
  try {
    auto grammar = make_grammar();
    if (words.size() < 2) {
      keep(verbs_of(*grammar));
      return completions;
    }
    const CLI::App* verb = verb_named(*grammar, words.front());
    if (verb == nullptr) {
      return completions;
    }
    if (last.starts_with('-')) {
      keep(options_of(*verb));
    } else if (verb->get_name() == "completion") {
      keep({"bash", "zsh", "fish"});
    } else if (words[words.size() - 2] == "--status" || words[words.size() - 2] == "-s") {
      keep({"Waiting", "Running", "Done", "Failed", "Cancelled"});
    } else {
      completions.names = verb->get_option_no_throw("names") != nullptr;
      completions.files = !completions.names;
    }
  } catch (const std::exception&) {
    return {};
  }
  return completions;
}

}  // namespace cattino::cli
