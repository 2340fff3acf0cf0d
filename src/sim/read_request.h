// Reads what a task of a scenario asks for (in brackets: what holds otherwise):
//
//   devices 2 (0) · max-devices 4 (as many as `devices`) · memory 20GiB or 50% (whole) · cpus 1.5 (the default) ·
//   ram 4GiB (none) · limit 10s (none) · pin cuda:0,cuda:1 (any) · counters licence:2,slot:1 (none)
//   retries 2 (0) · retry-on exit,signal,timeout,oom,lost,3 (exit,signal,oom; codes in place of exit) ·
//   backoff 2s (1s) · longest-backoff 1m (10m) · oom-growth 1.5 (it stays)
//   priority 5 (0) · not-before 30s (0s: from the start of the scenario) · held · preemptible · user 2 (0) ·
//   expected 5s (unknown) · keep-waiting (is cancelled with its prerequisites)
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "core/task.h"
#include "sim/words.h"

namespace cattino::sim {

/// Nothing if the word is none of these.
std::optional<Status> read_request(const std::string& what, Words& words, core::TaskSpec& spec);

}  // namespace cattino::sim
