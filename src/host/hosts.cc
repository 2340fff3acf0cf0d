// Hosts: who lives, which calls are open.
#include "host/hosts.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace cattino::host {

Hosts::Hosts(Handlers handlers) : handlers_(std::move(handlers)) {}

void Hosts::call(SubmissionId submission, const std::string& call, std::string line) {
  Host& host = hosts_[submission];
  const auto [at, is_new] = host.calls.try_emplace(call);
  if (!is_new) {
    return;
  }
  at->second.line = std::move(line);
  host.leaving = false;
  if (host.channel) {
    at->second.sent = true;
    host.channel->send(at->second.line);
  } else if (!host.alive) {
    start_next(submission, host);
  }
}

void Hosts::answered(SubmissionId submission, const std::string& call) {
  const auto at = hosts_.find(submission);
  if (at != hosts_.end()) {
    at->second.calls.erase(call);
  }
}

void Hosts::start_next(SubmissionId submission, Host& host) const {
  // It is a part of the key: after the last the numbers begin anew.
  host.generation = static_cast<std::uint32_t>(host.generation % AttemptId::number_max) + 1;
  host.alive = true;
  host.reported = true;
  host.connected = false;
  const HostKey key{submission, host.generation};
  if (host.generation > 1) {
    handlers_.replaced(submission);
  }
  handlers_.start(key);
}

void Hosts::attach(SubmissionId submission, std::unique_ptr<Channel> channel) {
  Host& host = hosts_[submission];
  host.alive = true;
  host.connected = true;
  host.deaths = 0;
  host.channel = std::move(channel);
  host.channel->send(handlers_.introduction(submission));
  for (auto& [name, call] : host.calls) {
    call.sent = true;
    host.channel->send(call.line);
  }
  host.told_to_leave = false;
  leave_if_over(submission);
  host.channel->listen(
      [this, submission](std::string_view line) { take(submission, line); },
      [this, submission] { disconnected(submission); });
}

void Hosts::take(SubmissionId submission, std::string_view line) {
  const Result<Reply> reply = parse_reply(line);
  const auto at = hosts_.find(submission);
  if (!reply || at == hosts_.end()) {
    return;
  }
  Host& host = at->second;
  if (const auto* hello = std::get_if<Hello>(&reply.value())) {
    host.generation = std::max(host.generation, hello->generation);
  } else if (const auto* printed = std::get_if<Printed>(&reply.value())) {
    handlers_.printed(printed->call, printed->text);
  } else if (const auto* done = std::get_if<HookDone>(&reply.value())) {
    if (host.calls.erase(done->call) > 0) {
      handlers_.hook_done(done->call, done->ok, done->error);
    }
  } else if (const auto* failed = std::get_if<RunFailed>(&reply.value())) {
    if (host.calls.erase(failed->call) > 0) {
      handlers_.run_failed(failed->call, failed->error);
    }
  }
  leave_if_over(submission);
}

void Hosts::leave_if_over(SubmissionId submission) {
  const auto at = hosts_.find(submission);  // a handler may have changed everything
  if (at != hosts_.end() && at->second.leaving && at->second.calls.empty() && at->second.channel &&
      !at->second.told_to_leave) {
    at->second.told_to_leave = true;
    at->second.channel->send(leave_line());
  }
}

void Hosts::disconnected(SubmissionId submission) {
  const auto at = hosts_.find(submission);
  if (at != hosts_.end()) {
    at->second.channel.reset();  // it connects again, or its exit is reported
  }
}

void Hosts::started(HostKey key) {
  Host& host = hosts_[key.submission];
  if (key.generation >= host.generation) {
    host.generation = key.generation;
    host.alive = true;
    host.reported = true;
  }
}

void Hosts::exited(HostKey key, const ExitStatus& status) {
  Host& host = hosts_[key.submission];
  if (key.generation < host.generation) {
    return;
  }
  host.generation = key.generation;
  died(key.submission, describe(status));
}

void Hosts::died(SubmissionId submission, const std::string& how) {
  Host& host = hosts_[submission];
  host.alive = false;
  host.channel.reset();
  if (host.calls.empty()) {
    if (host.leaving) {
      hosts_.erase(submission);
    }
    return;
  }
  if (!host.connected) {
    ++host.deaths;
    if (host.deaths >= deaths_allowed) {
      host.deaths = deaths_allowed - 1;  // a later call gets one more try
      fail_calls(
          host, "the Python process for hooks and functions could not be started: " + how, 0);
    }
  } else {
    for (auto& [name, call] : host.calls) {
      call.deaths += call.sent ? 1 : 0;
      call.sent = false;
    }
    fail_calls(host, "the Python process for hooks and functions died: " + how, deaths_allowed);
  }
  const auto again = hosts_.find(submission);  // a handler may have changed everything
  if (again != hosts_.end() && !again->second.alive && !again->second.calls.empty()) {
    start_next(submission, again->second);
  }
}

/// Fails the calls over which at least `deaths` hosts died.
void Hosts::fail_calls(Host& host, const std::string& why, int deaths) const {
  std::vector<std::string> failed;
  for (const auto& [name, call] : host.calls) {
    if (call.deaths >= deaths) {
      failed.push_back(name);
    }
  }
  for (const std::string& name : failed) {
    host.calls.erase(name);
  }
  for (const std::string& name : failed) {
    handlers_.gave_up(name, why);
  }
}

void Hosts::expect_report() {
  for (auto& [submission, host] : hosts_) {
    host.reported = false;
  }
}

void Hosts::forget_unknown() {
  std::vector<SubmissionId> gone;
  for (const auto& [submission, host] : hosts_) {
    if (host.alive && !host.reported && !host.channel) {
      gone.push_back(submission);
    }
  }
  for (const SubmissionId submission : gone) {
    died(submission, "lost");
  }
}

void Hosts::leave(SubmissionId submission) {
  const auto at = hosts_.find(submission);
  if (at == hosts_.end()) {
    return;
  }
  Host& host = at->second;
  host.leaving = true;
  leave_if_over(submission);
  if (!host.alive && host.calls.empty()) {
    hosts_.erase(at);
  }
}

void Hosts::leave_all() {
  std::vector<SubmissionId> all;
  for (const auto& [submission, host] : hosts_) {
    all.push_back(submission);
  }
  for (const SubmissionId submission : all) {
    leave(submission);
  }
}

bool Hosts::busy() const {
  return std::any_of(
      hosts_.begin(), hosts_.end(), [](const auto& each) { return !each.second.calls.empty(); });
}

bool Hosts::any_alive() const {
  return std::any_of(
      hosts_.begin(), hosts_.end(), [](const auto& each) { return each.second.alive; });
}

}  // namespace cattino::host
