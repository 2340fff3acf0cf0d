// Words and phrases that several views share.
#pragma once

#include <string>
#include <vector>

#include "wire/tasks.h"

namespace cattino::cli {

std::string joined_by_comma(const std::vector<std::string>& words);

/// Names of devices, the common part said once: "cuda:0-3", "cuda:1,5", "cuda:0,mps:0".
std::string devices_words(const std::vector<std::string>& devices);

/// Why it waits or how it ended, on one line, fit for a terminal; empty if there is nothing to say.
std::string reason_text(const wire::Nullable<wire::Reason>& reason);

/// The reason without the state of each device: "needs 2 devices with 20000 MiB; 1 of 4 fits".
std::string brief_reason_text(const wire::Nullable<wire::Reason>& reason);

/// "Running (on_start)", "Cancelled (held)".
std::string status_text(const wire::Task& task);

}  // namespace cattino::cli
