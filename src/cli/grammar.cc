// The verbs, their options and what help says of them.
#include "cli/grammar.h"

#include <map>
#include <utility>

namespace cattino::cli {

namespace {

constexpr const char* create_footer =
    "meow create task.py ARGS...        runs the script, which exports its tasks;\n"
    "                                   what follows its name is for the script\n"
    "meow create \"CMD\" OPTIONS -- ARGS  runs CMD ARGS as one task; with --multirun,\n"
    "                                   lists in ARGS (--lr [0.1,0.3] model=[a,b])\n"
    "                                   are one task for each value";

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
    CLI::App* verb,
    const std::string& flags,
    std::vector<std::string>& to,
    const char* doc,
    const char* value) {
  // Without this a list takes the positionals that follow it.
  verb->add_option(flags, to, doc)->allow_extra_args(false)->take_all()->type_name(value);
}

void add_request(Grammar& grammar, CLI::App* verb) {
  CreateOptions& create = grammar.options.create;
  verb->add_option("-c,--min-devices", grammar.min_devices, "devices it needs (default 1)")
      ->check(CLI::Range(0, 65535).description(""))
      ->type_name("N");
  verb->add_option(
          "--max-devices", create.max_devices, "takes up to so many, if they are idle at its start")
      ->check(CLI::Range(1, 65535).description(""))
      ->type_name("N");
  verb->add_option(
          "-M,--requires-memory-per-device,--memory",
          create.memory,
          "memory it needs on each device: MiB, 20GiB, 50%; unset: the whole device, alone")
      ->type_name("SIZE");
  verb->add_option(
          "--devices",
          create.devices,
          "only these devices: names, indices, UUIDs or models, between commas")
      ->type_name("DEVICES");
  verb->add_option("--cpus", create.cpus, "cores it needs")->type_name("N");
  verb->add_option("--ram", create.ram, "host memory it needs")->type_name("SIZE");
  add_list(
      verb,
      "--resource",
      create.resources,
      "so much of a counter that the settings declare; may be repeated",
      "NAME=N");
  verb->add_option("--time-limit", create.time_limit, "its longest run: 90s, 1h30m, 2d")
      ->type_name("TIME");
}

void add_timing(CLI::App* verb, CreateOptions& create) {
  verb->add_option("--retries", create.retries, "run it again so often if it fails (default 0)")
      ->check(CLI::Range(0, 1'000'000).description(""))
      ->type_name("N");
  verb->add_option(
          "--retry-on",
          create.retry_on,
          "after which ends, between commas: exit codes, exit (any code but 0), signal, timeout, "
          "oom, lost (default exit,signal,oom)")
      ->type_name("ENDS");
  verb->add_option(
          "--backoff", create.backoff, "wait before the first retry, doubled for each (default 1s)")
      ->type_name("TIME");
  verb->add_option(
          "--not-before",
          create.not_before,
          "starts then at the earliest: 2026-12-01T08:00, or +2h")
      ->type_name("WHEN");
  verb->add_option(
          "--log-limit",
          create.log_limit,
          "so much of its output is kept in each log, and it goes on; 0: all")
      ->type_name("SIZE");
  verb->add_flag("--hold", create.hold, "it waits until `meow resume` lets it run");
  verb->add_flag(
      "--preemptible",
      create.preemptible,
      "may be stopped to make room for a higher priority; it runs again later");
}

void add_create(Grammar& grammar) {
  CreateOptions& create = grammar.options.create;
  CLI::App* verb = add_verb(grammar, "create", "create tasks from a command or a Python script");
  verb->add_option("command", create.subject, "a command, or a Python script that exports tasks")
      ->required()
      ->type_name("CMD|SCRIPT");
  verb->add_option("-n,--task-name,--name", create.name, "the task's name (default: made of CMD)")
      ->type_name("NAME");
  verb->add_option("-g,--group-name,--group", create.group, "the group it is in")
      ->type_name("NAME");
  verb->add_option("-p,--priority", create.priority, "higher goes first (default 0)")
      ->type_name("N");
  add_request(grammar, verb);
  add_timing(verb, create);
  add_list(
      verb, "-e,--env", create.env, "a variable of its environment; may be repeated", "KEY=VALUE");
  verb->add_option("-C,--directory", create.directory, "where it runs (default: here)")
      ->type_name("DIR");
  verb->add_option(
          "--name-conflict,--override-exist-tasks,--on-conflict",
          create.name_conflict,
          "when a task that has not ended has the name: forbid (the default), allow (it is "
          "cancelled) or "
          "rename (the new one)")
      ->check(CLI::IsMember({"forbid", "allow", "rename"}).description(""))
      ->type_name("WHAT");
  verb->add_option("--python", create.python, "the interpreter that runs the script")
      ->type_name("PATH");
  verb->add_flag("-m,--multirun", create.multirun, "expand lists in ARGS: one task for each value");
  verb->add_flag("--script", grammar.as_script, "CMD is a Python script, whatever it is called");
  verb->footer(create_footer);
}

void add_run(Grammar& grammar) {
  RunOptions& run = grammar.options.run;
  CLI::App* verb =
      add_verb(grammar, "run", "run a backend in the foreground and show what happens");
  verb->add_option("--devices", run.devices, "declare devices: 4, or 4x24GiB")
      ->type_name("DEVICES");
  verb->add_option("--memory", run.memory, "memory of each declared device")->type_name("SIZE");
  verb->add_option("--cpus", run.cpus, "cores that tasks may use")->type_name("N");
}

/// What tasks have written.
void add_readers(Grammar& grammar) {
  Options& options = grammar.options;
  CLI::App* watch = add_verb(grammar, "watch", "follow a task's output, or all tasks, live");
  add_names(grammar, watch, "a task, whose output to follow (default: a live table of all)");
  watch->add_flag("-e,--stderr", options.errors, "follow stderr instead of stdout");
  watch->add_option("-n,--tail", options.tail, "begin with the last N lines")
      ->check(CLI::NonNegativeNumber.description(""))
      ->type_name("N");

  CLI::App* logs = add_verb(grammar, "logs", "print what tasks have written");
  add_names(grammar, logs, "tasks")->required();
  logs->add_flag("-e,--stderr", options.errors, "stderr instead of stdout");
  logs->add_option("-n,--tail", options.tail, "only the last N lines")
      ->check(CLI::NonNegativeNumber.description(""))
      ->type_name("N");
  CLI::Option* follow =
      logs->add_flag("-f,--follow", options.follow, "go on until it has ended, as watch does");
  logs->add_option("--attempt", options.attempt, "of this attempt (default: the last)")
      ->excludes(follow)
      ->type_name("N");
}

void add_lookers(Grammar& grammar) {
  Options& options = grammar.options;
  CLI::App* list = add_verb(grammar, "list", "list tasks");
  add_names(grammar, list, "tasks or groups (default: all recent ones)");
  list->add_flag("-a,--all", options.everything, "also what ended long ago");
  add_list(
      list,
      "-s,--status",
      options.statuses,
      "only tasks with this status; may be repeated",
      "STATUS");
  list->add_option("-l,--limit", options.limit, "at most so many tasks (default 1000)")
      ->type_name("N");

  CLI::App* show = add_verb(grammar, "show", "show everything about tasks or groups");
  add_names(grammar, show, "tasks or groups")->required();
  CLI::Option* output =
      show->add_flag("-o,--stdout", options.output, "print the log of a task's last attempt");
  show->add_flag("-e,--stderr", options.errors, "the same of stderr")->excludes(output);

  CLI::App* why = add_verb(grammar, "why", "say why tasks wait, or ended as they did");
  add_names(grammar, why, "tasks or groups")->required();
}

/// How it stands with tasks, the backend and devices.
void add_askers(Grammar& grammar) {
  Options& options = grammar.options;
  CLI::App* wait = add_verb(grammar, "wait", "wait until tasks have ended");
  add_names(grammar, wait, "tasks or groups (default: all that have not ended)");
  wait->add_option("-A,--all", options.match, "tasks whose names match this expression")
      ->type_name("REGEX");
  wait->add_option("-t,--timeout", options.timeout, "wait no longer than this: 90s, 5m, 2h")
      ->type_name("TIME");

  CLI::App* test = add_verb(grammar, "test", "tell whether the backend, or a task, is running");
  CLI::Option* tested = add_names(grammar, test, "a task");
  CLI::Option* aside = test->add_flag(
                               "--set-aside",
                               options.set_aside,
                               "rename a stored state that is damaged or foreign, and start afresh")
                           ->excludes(tested);
  test->add_flag(
          "--end-unknown",
          options.end_unknown,
          "stop processes that were started under a state that was set aside")
      ->excludes(tested)
      ->excludes(aside);
  add_verb(grammar, "devices", "list devices and who holds them");
}

void add_settings(Grammar& grammar) {
  Options& options = grammar.options;
  CLI::App* get = add_verb(grammar, "get", "print settings");
  get->add_option("setting", options.setting, "one of them (default: all)")->type_name("KEY");
  CLI::App* set = add_verb(grammar, "set", "change a setting in the settings file");
  set->add_option("setting", options.setting, "which")->required()->type_name("KEY");
  CLI::Option* value = set->add_option("value", options.value, "what it shall be");
  value->type_name("VALUE");
  set->add_flag("--default", options.to_default, "as if nothing were said of it")->excludes(value);
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

/// And those for other programs, which the empty group hides.
void add_others(Grammar& grammar) {
  add_verb(grammar, "meow", "say something");
  CLI::App* completion = add_verb(grammar, "completion", "print completion for a shell");
  completion->add_option("shell", grammar.options.shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}).description(""))
      ->type_name("SHELL");
  add_verb(grammar, "_start", "start the backend, print its socket's path")->group("");
  grammar.app.add_subcommand("__complete", "words that could follow")->group("");
  grammar.app.add_subcommand("__reference", "docs/reference.md")->group("");
}

OptionPage page_of(const CLI::Option& option) {
  OptionPage page;
  page.doc = option.get_description();
  page.positional = option.get_positional();
  page.required = option.get_required();
  if (page.positional) {
    const bool many = option.get_items_expected_max() > 1;
    page.names.push_back(option.get_type_name() + (many ? "..." : ""));
    return page;
  }
  for (const std::string& name : option.get_snames()) {
    page.names.push_back("-" + name);
  }
  for (const std::string& name : option.get_lnames()) {
    page.names.push_back("--" + name);
  }
  page.value = option.get_items_expected_max() > 0 ? option.get_type_name() : "";
  return page;
}

}  // namespace

std::unique_ptr<Grammar> make_grammar() {
  auto grammar = std::make_unique<Grammar>();
  grammar->app.set_help_flag("-h,--help", "print this help");
  add_create(*grammar);
  add_run(*grammar);
  add_lookers(*grammar);
  add_readers(*grammar);
  add_askers(*grammar);
  add_settings(*grammar);
  add_changers(*grammar);
  add_others(*grammar);
  return grammar;
}

VerbPage page_of(const CLI::App& verb) {
  VerbPage page{verb.get_name(), verb.get_description(), {}, verb.get_footer()};
  for (const CLI::Option* option : verb.get_options()) {
    page.options.push_back(page_of(*option));
  }
  return page;
}

std::vector<VerbPage> pages_of(const Grammar& grammar) {
  std::vector<VerbPage> pages;
  for (const CLI::App* verb : grammar.app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!verb->get_group().empty()) {
      pages.push_back(page_of(*verb));
    }
  }
  return pages;
}

}  // namespace cattino::cli
