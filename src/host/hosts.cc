// Hosts: who lives, which calls are open.
#include "host/hosts.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

namespace cattino::host {

namespace {

constexpr Duration forever{std::numeric_limits<std::int64_t>::max()};

/// 0 is any time.
Duration limit_of(Duration asked) {
  return asked.us > 0 ? asked : forever;
}

}  // namespace

Hosts::Hosts(Handlers handlers) : handlers_(std::move(handlers)) {}

void Hosts::call(
    SubmissionId submission, const std::string& call, std::string line, Duration limit) {
  Host& host = hosts_[submission];
  const auto [at, is_new] = host.calls.try_emplace(call);
  if (!is_new) {
    return;
  }
  at->second.line = std::move(line);
  at->second.limit = limit_of(limit);
  host.limits.insert(at->second.limit);
  host.leaving = false;
  if (host.calls.size() == 1) {
    heard(host);  // it had nothing to say before
  }
  if (host.channel) {
    at->second.sent = true;
    host.channel->send(at->second.line);
  } else if (!host.alive) {
    start_next(submission, host);
  }
}

void Hosts::hurry(SubmissionId submission, const std::string& call, Duration at_most) {
  const auto host = hosts_.find(submission);
  if (host == hosts_.end()) {
    return;
  }
  if (const auto at = host->second.calls.find(call); at != host->second.calls.end()) {
    hurry(host->second, at->first, at->second, at_most);
  }
}

void Hosts::hurry_all(Duration at_most) {
  for (auto& [submission, host] : hosts_) {
    host.hurried = true;
    for (auto& [name, call] : host.calls) {
      hurry(host, name, call, at_most);
    }
  }
}

void Hosts::hurry(Host& host, const std::string& name, Call& call, Duration at_most) const {
  const Duration wanted = std::max(at_most, Duration::milliseconds(1));  // none is any time
  call.at_most = wanted;
  set_limit(host, call, std::min(call.limit, wanted), call.begun);
  heard(host);  // it is asked for something
  if (call.sent) {
    host.channel->send(hurry_line(name, wanted));
  }
}

std::multiset<Duration>& Hosts::limits_of(Host& host, const Call& call) {
  return call.begun ? host.begun_limits : host.limits;
}

/// What a call may take, and whether it has begun: its host keeps account of both.
void Hosts::set_limit(Host& host, Call& call, Duration limit, bool begun) {
  std::multiset<Duration>& before = limits_of(host, call);
  before.erase(before.find(call.limit));
  call.limit = limit;
  call.begun = begun;
  limits_of(host, call).insert(limit);
}

/// This generation does what it is for.
void Hosts::note_work(Host& host) {
  host.works = true;
  host.mutes = 0;
}

/// It lives, or was asked for something only now.
void Hosts::heard(Host& host) const {
  host.heard = handlers_.now();
  handlers_.due_changed(due_of(host));
}

void Hosts::answered(SubmissionId submission, const std::string& call) {
  const auto at = hosts_.find(submission);
  if (at != hosts_.end() && forget(at->second, call)) {
    note_work(at->second);
    heard(at->second);
  }
}

bool Hosts::forget(Host& host, const std::string& call) const {
  const auto at = host.calls.find(call);
  if (at == host.calls.end()) {
    return false;
  }
  std::multiset<Duration>& limits = limits_of(host, at->second);
  limits.erase(limits.find(at->second.limit));
  host.calls.erase(at);
  handlers_.due_changed(due_of(host));
  return true;
}

void Hosts::start_next(SubmissionId submission, Host& host) const {
  // It is a part of the key: after the last the numbers begin anew.
  host.generation = static_cast<std::uint32_t>(host.generation % AttemptId::number_max) + 1;
  host.alive = true;
  host.reported = true;
  host.connected = false;
  host.hangs = false;
  host.works = false;
  heard(host);
  const HostKey key{submission, host.generation};
  handlers_.start(key);
}

void Hosts::attach(SubmissionId submission, std::unique_ptr<Channel> channel) {
  Host& host = hosts_[submission];
  host.alive = true;
  host.connected = true;
  host.deaths = 0;
  heard(host);
  host.channel = std::move(channel);
  host.channel->send(handlers_.introduction(submission));
  for (auto& [name, call] : host.calls) {
    call.sent = true;
    host.channel->send(call.line);
    if (call.at_most) {
      host.channel->send(hurry_line(name, *call.at_most));
    }
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
  heard(host);
  if (const auto* hello = std::get_if<Hello>(&reply.value())) {
    host.generation = std::max(host.generation, hello->generation);
  } else if (const auto* printed = std::get_if<Printed>(&reply.value())) {
    handlers_.printed(printed->call, printed->text);
  } else if (const auto* begins = std::get_if<Begun>(&reply.value())) {
    begun(host, begins->call, begins->limit);
  } else if (const auto* done = std::get_if<HookDone>(&reply.value())) {
    if (forget(host, done->call)) {
      note_work(host);
      handlers_.hook_done(done->call, done->ok, done->error);
    }
  } else if (const auto* failed = std::get_if<RunFailed>(&reply.value())) {
    if (forget(host, failed->call)) {
      note_work(host);
      handlers_.run_failed(failed->call, failed->error);
    }
  }
  leave_if_over(submission);
}

void Hosts::begun(Host& host, const std::string& call, std::optional<Duration> limit) const {
  const auto at = host.calls.find(call);
  if (at == host.calls.end() || at->second.begun) {
    return;
  }
  Call& found = at->second;
  note_work(host);
  const Duration own = limit_of(limit.value_or(found.limit));
  set_limit(host, found, std::min(own, found.at_most.value_or(own)), true);
  handlers_.due_changed(due_of(host));
}

Time Hosts::due_of(const Host& host) {
  if (!host.alive || host.hangs || host.calls.empty()) {
    return {};
  }
  Duration longest = any_begun(host) ? *host.begun_limits.rbegin() : *host.limits.rbegin();
  if (!any_begun(host) && !host.works && !host.hurried) {
    longest = std::max(longest, loading);
  }
  return longest == forever ? Time{} : host.heard + longest + patience;
}

Time Hosts::due() const {
  Time earliest;
  for (const auto& [submission, host] : hosts_) {
    const Time due = due_of(host);
    if (due && (!earliest || due < earliest)) {
      earliest = due;
    }
  }
  return earliest;
}

void Hosts::end_hung() {
  const Time now = handlers_.now();
  for (auto& [submission, host] : hosts_) {
    const Time due = due_of(host);
    if (due && due <= now) {
      host.hangs = true;
      blame(host);
      handlers_.abort({submission, host.generation});
    }
  }
}

/// It hangs over the hooks that it has begun; if there are none, over what comes before them all: then it may
/// have been an earlier daemon that heard of their begin.
void Hosts::blame(Host& host) {
  const bool any = any_begun(host);
  const bool all = !any && ++host.mutes > mutes_allowed;
  for (auto& [name, call] : host.calls) {
    call.hung = call.begun || all;
  }
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
    for (auto& [name, call] : at->second.calls) {
      call.sent = false;
    }
  }
}

void Hosts::started(HostKey key) {
  Host& host = hosts_[key.submission];
  if (key.generation >= host.generation) {
    // One that an earlier daemon started has loaded its objects long ago.
    host.works = host.works || !host.alive || key.generation > host.generation;
    host.generation = key.generation;
    host.alive = true;
    host.reported = true;
    host.hangs = false;  // that may not have been heard
    heard(host);
  }
}

void Hosts::exited(HostKey key, const ExitStatus& status) {
  Host& host = hosts_[key.submission];
  if (key.generation < host.generation) {
    return;
  }
  // One that only an earlier daemon knew: it had the time to load them.
  host.works = host.works || key.generation > host.generation;
  host.generation = key.generation;
  died(key.submission, describe(status));
}

void Hosts::died(SubmissionId submission, const std::string& how) {
  Host& host = hosts_[submission];
  host.alive = false;
  host.channel.reset();
  if (host.calls.empty() && host.leaving) {
    hosts_.erase(submission);
    return;
  }
  if (host.connected || host.works) {
    handlers_.objects_lost(submission);
  }
  if (host.calls.empty()) {
    return;
  }
  const bool any = any_begun(host);
  if (host.hangs) {
    fail_calls(
        host,
        "the Python process for hooks and functions hung: the setting hook-timeout, or "
        "hook_timeout= of the "
        "task, says how long a hook may take; cattino-host.log says where it was",
        [](const Call& call) { return call.hung; });
  } else if (host.connected) {
    for (auto& [name, call] : host.calls) {
      call.deaths += call.sent && (call.begun || !any) ? 1 : 0;
    }
    fail_calls(
        host, "the Python process for hooks and functions died: " + how, [](const Call& call) {
          return call.deaths >= deaths_allowed;
        });
  } else if (++host.deaths >= deaths_allowed) {
    host.deaths = deaths_allowed - 1;  // a later call gets one more try
    fail_calls(
        host,
        "the Python process for hooks and functions could not be started: " + how,
        [](const Call&) { return true; });
  }
  const auto again = hosts_.find(submission);  // a handler may have changed everything
  if (again != hosts_.end() && !again->second.alive && !again->second.calls.empty()) {
    start_next(submission, again->second);
  }
}

/// Fails the calls of which `fails` is true; the next host has begun none of the others.
void Hosts::fail_calls(
    Host& host, const std::string& why, const std::function<bool(const Call&)>& fails) const {
  std::vector<std::string> failed;
  for (auto& [name, call] : host.calls) {
    call.sent = false;
    set_limit(host, call, call.limit, false);
    if (fails(call)) {
      failed.push_back(name);
    }
  }
  for (const std::string& name : failed) {
    forget(host, name);
    host.mutes = 0;
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
