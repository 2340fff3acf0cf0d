// What a command line asks for its tasks: requests, retries, moments. Errors name the option.
#pragma once

#include "base/result.h"
#include "cli/options.h"
#include "wire/submission.h"

namespace cattino::cli {

Result<wire::Request> request_of(const CreateOptions& options);

/// When it runs, and when again. `now`: what a moment such as "+2h" counts from.
Status add_timing(const CreateOptions& options, wire::Milliseconds now, wire::NewTask& task);

}  // namespace cattino::cli
