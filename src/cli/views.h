// Tasks, groups and devices as text for people. Pure: the time and the screen come in.
#pragma once

#include <string>
#include <vector>

#include "cli/output.h"
#include "wire/submission.h"
#include "wire/tasks.h"
#include "wire/verbs.h"

namespace cattino::cli {

/// How long a task ran, runs, or waits: "12 s".
std::string time_of(const wire::Task& task, wire::Milliseconds now);

/// Why it waits or how it ended, in one line; empty if there is nothing to say.
std::string remark_of(const wire::Task& task);

/// `meow list`: a table, with the members of each group below it.
std::string list_text(const wire::TaskList& list, const Screen& screen);

/// "2 Running, 1 Waiting".
std::string counts_text(const wire::Counts& counts);

/// `meow show`.
std::string detail_text(const wire::Detail& detail, const Screen& screen);

/// `meow create`: what was made and how it begins.
std::string created_text(const wire::SubmissionAnswer& answer, const Screen& screen);

/// `meow cancel` and its like: what changed and what did not, and why. `verb`: "cancelled".
std::string changes_text(const wire::VerbAnswer& answer, const std::string& verb);

/// The end of `meow wait`: how many ended how, then what failed, what is stuck, and why.
std::string wait_text(const wire::WaitAnswer& answer, const Screen& screen);

/// How many tasks have that status.
std::uint64_t count_of_status(const wire::Counts& counts, const std::string& status);

/// What ending the backend did; `before`: how many tasks there were of each status.
std::string stopped_text(
    const wire::ExitAnswer& answer, const wire::Counts& before, bool keep_tasks);

std::string devices_text(const wire::Devices& devices, const Screen& screen);

}  // namespace cattino::cli
