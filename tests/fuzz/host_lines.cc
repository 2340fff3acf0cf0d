// The lines between the daemon and its Python hosts. First byte: what the rest is: lines of a host, or
// what the daemon tells one.
#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <variant>

#include "demand.h"
#include "host/channel.h"
#include "host/hosts.h"
#include "host/lines.h"
#include "wire/base64.h"
#include "wire/json.h"

namespace cattino {
namespace {

using fuzz::demand;
using fuzz::take_byte;

/// The daemon's end of a connection, without a socket.
class Wires : public host::Channel {
 public:
  explicit Wires(std::function<void(std::string_view)>& line) : line_(line) {}
  void send(std::string line) override {
    demand(line.find('\n') == std::string::npos, "a line is one line");
  }
  void listen(
      std::function<void(std::string_view)> line, std::function<void()> /*closed*/) override {
    line_ = std::move(line);
  }

 private:
  std::function<void(std::string_view)>& line_;
};

/// A submission's host says what it likes: only calls that were made can be answered.
void hear(std::string_view text) {
  std::function<void(std::string_view)> line;
  std::set<std::string> open = {"t1/1/on_start", "t1/1/on_end", "t2/1/run"};
  const auto answered = [&open](const std::string& call) {
    demand(open.erase(call) == 1, "a call is answered once, and only one that was made");
  };
  const SubmissionId submission{7};
  host::Handlers handlers;
  handlers.start = [](HostKey key) {
    const HostKey again = HostKey::from_key(key.key());
    demand(
        again.submission == key.submission && again.generation == key.generation,
        "the key of a host is its own");
  };
  handlers.introduction = [](SubmissionId) {
    return host::leave_line();
  };
  handlers.hook_done = [&](const std::string& call, bool, const std::string&) {
    answered(call);
  };
  handlers.run_failed = [&](const std::string& call, const std::string&) {
    answered(call);
  };
  handlers.printed = [](const std::string&, const std::string&) {
  };
  handlers.gave_up = [&](const std::string& call, const std::string&) {
    answered(call);
  };
  handlers.objects_lost = [](SubmissionId) {
  };
  Time now{1'000'000};
  handlers.now = [&now] {
    return now = now + Duration::milliseconds(1);
  };
  handlers.due_changed = [](Time) {
  };
  handlers.abort = [&submission](HostKey key) {
    demand(key.submission == submission, "who hangs is ended, and nobody else");
  };
  host::Hosts hosts(handlers);
  for (const std::string& call : std::set<std::string>(open)) {
    hosts.call(submission, call, "{}", Duration::seconds(1));
  }
  hosts.attach(submission, std::make_unique<Wires>(line));
  while (!text.empty() && line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const Result<host::Reply> reply = host::parse_reply(text.substr(0, end));
    demand(reply || !reply.error().message.empty(), "an error says what is wrong");
    line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  hosts.hurry_all(Duration::seconds(2));
  now = std::max(now, hosts.due());
  hosts.end_hung();
  // It dies: what is open is for another.
  hosts.exited({submission, AttemptId::number_max}, ExitStatus::of_signal(9));
}

void check_line(const std::string& line) {
  demand(line.find('\n') == std::string::npos, "a line is one line");
  demand(wire::is_json(line), "a line is JSON");
}

std::string take_text(std::string_view& bytes) {
  const std::size_t wanted = take_byte(bytes);
  const std::size_t size = std::min(wanted, bytes.size());
  std::string text(bytes.substr(0, size));
  bytes.remove_prefix(size);
  return text;
}

/// What users named and wrote goes to a host: whatever it is, the host can read the line.
void tell(std::string_view bytes) {
  host::RunCall run;
  run.call = take_text(bytes);
  run.directory = take_text(bytes);
  run.environment.emplace_back(take_text(bytes), take_text(bytes));
  check_line(host::run_line(run));
  check_line(host::hurry_line(run.call, Duration::seconds(1)));
  host::HookCall hook;
  hook.hook = take_text(bytes);
  hook.output = take_text(bytes);
  check_line(host::hook_line(hook));
  const host::ObjectNode node{{false, 1}, 1, 0, take_text(bytes), take_text(bytes), ""};
  const std::string line = host::objects_line(bytes, {node});
  check_line(line);
  const std::string quoted = "\"pickle\":\"" + wire::to_base64(bytes) + '"';
  demand(line.find(quoted) != std::string::npos, "objects travel as base64");
}

void check(std::string_view bytes) {
  if (take_byte(bytes) % 4 != 0) {
    hear(bytes);
  } else {
    tell(bytes);
  }
}

}  // namespace
}  // namespace cattino

// NOLINTNEXTLINE(readability-identifier-naming): the name that fuzzers call
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  cattino::check(cattino::fuzz::text_of(data, size));
  return 0;
}
