// The name of a task that was given none.
#pragma once

#include <string>
#include <vector>

namespace cattino::cli {

/// "train" for `CUDA_LAUNCH_BLOCKING=1 python -u src/train.py --lr 1`, "true" for `/bin/true`,
/// "module" for `python -m package.module`. Always a legal name.
std::string default_name(const std::vector<std::string>& words);

}  // namespace cattino::cli
