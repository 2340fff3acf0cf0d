// meow run: a backend of one's own, in the foreground. It shows what happens above a prompt that takes
// the same verbs; without a terminal it only logs. Ctrl-C, or SIGTERM, ends it.
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <ctime>

#include <fmt/core.h>
#include <poll.h>
#include <spawn.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/departure.h"
#include "cli/feed.h"
#include "cli/line_editor.h"
#include "cli/verbs/verbs.h"
#include "cli/views.h"

namespace cattino::cli::verbs {

namespace {

/// SIGINT and SIGTERM as a descriptor.
Result<sys::Fd> signals_as_descriptor() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);  // NOLINT(concurrency-mt-unsafe): one thread
  sys::Fd fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) {
    return system_error("wait for", "signals", errno);
  }
  return fd;
}

/// True if a signal had come; forgets it.
bool take_signal(const sys::Fd& signals) {
  signalfd_siginfo info{};
  return read(signals.get(), &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info));
}

/// A terminal that is ours to read from; `meow run &` has none.
bool has_terminal() {
  return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 &&
         tcgetpgrp(STDIN_FILENO) == getpgrp();
}

std::string clock_text(wire::Milliseconds at) {
  const std::time_t seconds = at / 1000;
  std::tm parts{};
  localtime_r(&seconds, &parts);
  return fmt::format("{:02}:{:02}:{:02}", parts.tm_hour, parts.tm_min, parts.tm_sec);
}

StartOptions start_options(const RunOptions& run) {
  StartOptions options;
  options.keep_visibility = true;
  std::string devices = run.devices;
  if (!devices.empty() && !run.memory.empty() && devices.find('x') == std::string::npos) {
    devices += "x" + run.memory;
  }
  if (!devices.empty()) {
    options.variables.emplace_back("CATTINO_DEVICES", devices);
  }
  if (!run.cpus.empty()) {
    options.variables.emplace_back("CATTINO_CPUS", run.cpus);
  }
  return options;
}

class Session {
 public:
  Session(Context& context, sys::Fd signals, Feed feed)
      : context_(context),
        client_([&context] { return context.backend.connect(); }),
        signals_(std::move(signals)),
        feed_(std::move(feed)) {}

  /// Logs until the backend leaves or a signal comes.
  Result<int> follow() {
    while (wait_for(-1)) {
    }
    return over_ ? leave() : stop(false);
  }

  Result<int> converse() {
    LineEditor editor(
        "meow> ",
        [this](const std::vector<std::string>& words) {
          return completions_of(context_.backend, words);
        },
        [this] { return wait_for(STDIN_FILENO); });
    editor_ = &editor;
    while (!over_) {
      const auto line = editor.read_line();
      if (over_) {
        break;
      }
      const bool leaving = !line || *line == "exit" || *line == "quit";
      if (!leaving) {
        perform(*line);
        continue;
      }
      context_.output.text(line ? "" : "\n");
      context_.output.flush();
      const auto running = running_tasks();
      if (running == 0 || may_stop(running)) {
        editor_ = nullptr;
        return stop(true);
      }
    }
    editor_ = nullptr;
    return leave();
  }

 private:
  /// Waits until `input` (-1: none) is readable, and shows what happens. False: a signal, or the end.
  bool wait_for(int input) {
    while (true) {
      show_lines();
      std::array<pollfd, 3> sources = {
          {{input, POLLIN, 0}, {feed_.fd(), POLLIN, 0}, {signals_.get(), POLLIN, 0}}};
      if (poll(sources.data(), sources.size(), -1) < 0) {
        continue;  // EINTR: nothing else can happen to valid descriptors
      }
      if (sources[2].revents != 0 && take_signal(signals_)) {
        return false;
      }
      if (sources[1].revents != 0 && !read_feed()) {
        over_ = true;
        return false;
      }
      if (sources[0].revents != 0) {
        show_lines();
        return true;
      }
    }
  }

  /// False when the backend has left. One that was only replaced has a new feed.
  bool read_feed() {
    auto more = feed_.read_some();
    if (more && *more) {
      return true;
    }
    show_lines();
    auto again = Feed::open(client_, "?output=1");
    if (again && !leaving_) {
      feed_ = std::move(*again);
      return true;
    }
    return false;
  }

  void show_lines() {
    while (auto line = feed_.next_line()) {
      if (context_.output.json()) {
        context_.output.document(*line);
        continue;
      }
      const auto item = wire::from_json<wire::FeedItem>(*line, wire::Reading::lenient);
      if (item) {
        leaving_ = leaving_ || item->event == "leaving";
        show(*item);
      }
    }
    context_.output.flush();
  }

  void show(const wire::FeedItem& item) {
    if (!item.text || item.text->empty()) {
      return;
    }
    const bool colour = context_.output.screen().colour;
    std::string_view rest = *item.text;
    while (!rest.empty()) {  // what a hook prints may have several lines
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      const Colour tint = item.task ? colour_of_status(item.task->status) : Colour::none;
      print(
          coloured(clock_text(item.at), Colour::dim, colour) + " " +
          coloured(harmless(line), tint, colour) + "\n");
    }
  }

  void print(const std::string& text) {
    if (editor_ != nullptr) {
      editor_->print_above(text);
    } else {
      context_.output.text(text);
    }
  }

  /// Runs `meow` with the words of a line, as a process of its own: what it does to the terminal, and a
  /// Ctrl-C meant for it, do not concern us.
  void perform(const std::string& line) {
    auto words = split_command(line);
    if (!words) {
      context_.output.error(words.error());
      return;
    }
    std::vector<std::string>& arguments = words->words;
    if (arguments.empty()) {
      return;
    }
    if (arguments.front() == "meow" && arguments.size() > 1) {
      arguments.erase(arguments.begin());  // out of habit
    }
    if (arguments.front() == "run") {
      context_.output.note("it runs already");
      return;
    }
    arguments.insert(arguments.begin(), context_.surroundings.program);
    run_child(arguments);
    while (take_signal(signals_)) {  // a Ctrl-C that was for it
    }
  }

  void run_child(std::vector<std::string>& arguments) {
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (std::string& argument : arguments) {
      argv.push_back(argument.data());
    }
    argv.push_back(nullptr);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    pid_t child = 0;
    const int error_number =
        posix_spawn(&child, argv.front(), nullptr, &attributes, argv.data(), environ);
    posix_spawnattr_destroy(&attributes);
    if (error_number != 0) {
      context_.output.error(system_error("run", arguments.front(), error_number));
      return;
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
  }

  std::uint64_t running_tasks() {
    auto health = client_.get<wire::Health>("/v1/health");
    return health ? count_of_status(health->value.counts, "Running") : 0;
  }

  bool may_stop(std::uint64_t running) {
    const std::string tasks = count_of(static_cast<std::int64_t>(running), "running task");
    std::fprintf(stderr, "stop the backend and %s? [y/N] ", tasks.c_str());
    std::fflush(stderr);
    while (take_signal(signals_)) {
    }
    LineEditor* const editor = std::exchange(editor_, nullptr);
    const bool readable = wait_for(STDIN_FILENO);
    editor_ = editor;
    std::array<char, 256> answer{};
    if (!readable) {  // a second Ctrl-C means it
      std::fputc('\n', stderr);
      return true;
    }
    const ssize_t count = read(STDIN_FILENO, answer.data(), answer.size());
    return count > 0 && (answer[0] == 'y' || answer[0] == 'Y');
  }

  /// Ends the backend, showing how its tasks end meanwhile.
  Result<int> stop(bool by_hand) {
    auto health = client_.get<wire::Health>("/v1/health");
    auto connection = context_.backend.connect();
    if (!health || !connection) {
      return leave();
    }
    const Departure departure(health->value, false);
    const Request request{
        "POST", "/v1/exit", "application/json", wire::to_json(wire::ExitRequest{})};
    if (auto sent = connection->send(request); !sent) {
      return sent.error();
    }
    leaving_ = true;
    bool feed_lives = true;
    while (true) {
      std::array<pollfd, 2> sources = {
          {{connection->fd(), POLLIN, 0}, {feed_lives ? feed_.fd() : -1, POLLIN, 0}}};
      if (poll(sources.data(), sources.size(), -1) < 0) {
        continue;
      }
      feed_lives = feed_lives && (sources[1].revents == 0 || read_feed());
      show_lines();
      if (sources[0].revents != 0) {
        break;
      }
    }
    auto response = connection->receive();
    if (!response) {
      return leave();  // it has left before its answer did
    }
    if (response->status > 299) {
      return error_of_response(response->status, response->body);
    }
    departure.wait();
    auto answer = Client::read<wire::ExitAnswer>(std::move(response->body));
    if (answer) {
      const std::string text = stopped_text(answer->value, health->value.counts, false);
      by_hand ? context_.output.text(text + "\n") : context_.output.note(text);
    }
    return 0;
  }

  Result<int> leave() {
    context_.output.note("the backend has left");
    return 0;
  }

  Context& context_;
  Client client_;
  sys::Fd signals_;
  Feed feed_;
  LineEditor* editor_ = nullptr;
  bool leaving_ = false;  ///< the backend said so, or we told it to
  bool over_ = false;
};

}  // namespace

Result<int> run(Context& context) {
  auto signals = signals_as_descriptor();
  if (!signals) {
    return signals.error();
  }
  const bool runs = static_cast<bool>(context.backend.connect());
  auto started =
      runs ? Result<bool>(false) : context.backend.start(start_options(context.options.run));
  if (!started) {
    return started.error();
  }
  if (!*started) {
    return Error{
        ErrorCode::conflict,
        "a backend is running already",
        {},
        "`meow watch` shows what it does; `meow exit` stops it"};
  }
  Client client([&] { return context.backend.connect(); });
  auto feed = Feed::open(client, "?output=1");
  if (!feed) {
    return feed.error();
  }
  Session session(context, std::move(*signals), std::move(*feed));
  if (!has_terminal() || context.output.mode() != Mode::text) {
    return session.follow();
  }
  context.output.note("the backend runs; `help` lists the verbs, Ctrl-C ends it");
  return session.converse();
}

}  // namespace cattino::cli::verbs
