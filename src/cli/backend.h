// Reaching the backend, and starting it when there is none.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "cli/http.h"
#include "cli/surroundings.h"
#include "settings/places.h"

namespace cattino::cli {

/// How a backend is to be started.
struct StartOptions {
  /// Variables that its guardian gets instead of ours.
  std::vector<std::pair<std::string, std::string>> variables;
  /// Whether it may see CUDA_VISIBLE_DEVICES and its like: only what the user starts by hand does.
  bool keep_visibility = false;
};

class Backend {
 public:
  static Result<Backend> locate(const Surroundings& surroundings);

  [[nodiscard]] const settings::Places& places() const { return places_; }

  /// Connects. Code `unavailable` if no backend runs.
  [[nodiscard]] Result<Connection> connect() const;

  /// Connects; starts the backend if none runs. Of many who do so at once one starts it, all are
  /// served.
  [[nodiscard]] Result<Connection> connect_or_start() const;

  /// Starts one. False if another one runs or is starting already.
  [[nodiscard]] Result<bool> start(const StartOptions& options) const;

  /// Has daemons that start from now on run our programs, unless newer ones have been run already. The
  /// directory in which they are.
  [[nodiscard]] Result<std::string> install() const;

 private:
  Backend(const Surroundings& surroundings, settings::Places places)
      : surroundings_(&surroundings), places_(std::move(places)) {}

  void await_turn(int lock) const;
  [[nodiscard]] Result<Connection> start_and_connect(Duration deadline) const;

  const Surroundings* surroundings_;
  settings::Places places_;
};

/// Copies meowd and meow-supervisor from directory `from` into a directory of `binaries` that is named
/// after their content, unless it is there; returns that directory. The backend runs from the copy, so
/// that removing the package it came from strands nobody.
Result<std::string> keep_programs(const std::string& from, const std::string& binaries);

}  // namespace cattino::cli
