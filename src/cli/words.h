// Words and phrases that several views share.
#pragma once

#include <string>
#include <vector>

#include "base/device_words.h"
#include "wire/tasks.h"

namespace cattino::cli {

std::string joined_by_comma(const std::vector<std::string>& words);

/// Why it waits or how it ended, on one line, fit for a terminal; empty if there is nothing to say.
std::string reason_text(const wire::Nullable<wire::Reason>& reason);

/// The reason without who holds what: "needs 2 whole devices; 1 of 4 is free".
std::string brief_reason_text(const wire::Nullable<wire::Reason>& reason);

/// "Running (on_start)", "Cancelled (held)".
std::string status_text(const wire::Task& task);

/// "18 % (3/17), loss 0.625"; empty without progress.
std::string progress_text(const std::optional<wire::Progress>& progress);

}  // namespace cattino::cli
