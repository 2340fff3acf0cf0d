// How far a task says it is: by cattino.report, or by the last progress bar in its logs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cattino::engine {

struct Progress {
  std::optional<std::int64_t> step;
  std::optional<std::int64_t> total;
  std::vector<std::pair<std::string, double>> metrics;
};

/// What a report says: `{"step": 3, "total": 17, "metrics": {"loss": 0.5}}`. Nothing if it is none.
std::optional<Progress> parse_report(std::string_view text);

/// The last bar in the end of a log, as tqdm (`45%|####   | 45/100 [00:12<00:15, 3.6it/s]`) and Keras
/// (`45/100 [====>.....] - ETA: 5s`) draw them.
std::optional<Progress> last_bar(std::string_view log);

/// Of an attempt, whose logs are these. Reads files: not for the deciding thread.
std::optional<Progress> read_report(const std::string& directory, std::uint32_t attempt);
std::optional<Progress> read_bar(const std::string& stderr_path, const std::string& stdout_path);

}  // namespace cattino::engine
