// POST /v1/submissions: lines are checked and staged as they arrive. The next piece is read only when
// this one has been staged, so a fast client waits, and other work goes on between pieces.
#include <utility>
#include <variant>

#include <fmt/core.h>

#include "server/answers.h"
#include "server/limits.h"
#include "server/verbs/new_work.h"
#include "server/verbs/verbs.h"
#include "wire/json.h"
#include "wire/problem.h"

namespace cattino::server::verbs {

namespace {

constexpr int created = 201;

core::When when_of(wire::When when) {
  switch (when) {
    case wire::When::ok:
      return core::When::ok;
    case wire::When::any:
      return core::When::any;
    case wire::When::fail:
      return core::When::fail;
  }
  return core::When::ok;
}

void answer(const Responder& responder, const Result<engine::SubmissionView>& view) {
  if (view) {
    responder.send({created, wire::to_json(submission_of(*view)), "application/json", {}});
  } else {
    responder.fail(view.error());
  }
}

class SubmissionBody : public Body {
 public:
  SubmissionBody(engine::Engine& engine, Responder responder)
      : engine_(engine), responder_(std::move(responder)) {}

  [[nodiscard]] std::uint64_t limit() const override { return UINT64_MAX; }

  bool take(std::string_view piece) override {
    while (!piece.empty()) {
      const std::size_t newline = piece.find('\n');
      const std::string_view part = piece.substr(0, newline);
      if (partial_.size() + part.size() > line_bytes_max) {
        ++line_;
        refuse(Error{
            ErrorCode::too_large,
            fmt::format("the line is over the limit of {} MiB", line_bytes_max >> 20U),
            {},
            {}});
        return false;
      }
      if (newline == std::string_view::npos) {
        partial_ += part;
        return true;
      }
      piece.remove_prefix(newline + 1);
      if (!take_line(part)) {
        return false;
      }
    }
    return true;
  }

  void end() override {
    if (!partial_.empty() && !take_line({})) {
      return;
    }
    if (earlier_) {
      answer(responder_, std::move(*earlier_));
    } else if (!edges_) {
      ++line_;
      refuse(Error{
          ErrorCode::invalid,
          line_ == 1 ? "a submission is lines of JSON"
                     : "the submission stops before its 'end' line",
          line_ == 1 ? "submission" : "end",
          {}});
    } else {
      responder_.keep(staging_);
      staging_->finish(
          *edges_, [responder = responder_](const Result<engine::SubmissionView>& view) {
            answer(responder, view);
          });
    }
  }

 private:
  /// `rest`: what follows what was kept of the line.
  bool take_line(std::string_view rest) {
    ++line_;
    if (partial_.empty()) {
      return take_whole(rest);
    }
    partial_ += rest;
    const std::string line = std::exchange(partial_, {});
    return take_whole(line);
  }

  bool take_whole(std::string_view text) {
    if (earlier_ || text.find_first_not_of(" \t\r") == std::string_view::npos) {
      return true;
    }
    Result<wire::SubmissionLine> line = reader_.read(text);
    Status status = line ? check_order(*line) : Status{with_number(line.error())};
    if (!line && !wire::is_json(text)) {
      refuse(line.error(), true);
      return false;
    }
    if (status) {
      status = std::visit([this](auto& value) { return stage(std::move(value)); }, *line);
    }
    if (status && ++unwritten_ >= lines_in_batch && staging_) {
      unwritten_ = 0;
      status = staging_->flush();
    }
    if (!status) {
      refuse(status.error());
    }
    return static_cast<bool>(status);
  }

  [[nodiscard]] Status check_order(const wire::SubmissionLine& line) const {
    const bool is_first = std::holds_alternative<wire::Submission>(line);
    if (is_first != !staging_) {
      return Error{
          ErrorCode::invalid,
          is_first ? "there is one 'submission' line, the first" : "the first line is 'submission'",
          "submission",
          {}};
    }
    if (edges_) {
      return Error{ErrorCode::invalid, "nothing follows the 'end' line", "end", {}};
    }
    if (std::holds_alternative<wire::Objects>(line) && (has_objects_ || tasks_ + groups_ > 0)) {
      return Error{
          ErrorCode::invalid,
          "there is at most one 'objects' line, before all groups and tasks",
          "objects",
          {}};
    }
    return ok();
  }

  // The engine says itself which group, task or edge it complains of.

  Status stage(wire::Submission line) {
    directory_ = line.cwd;
    Result<engine::Staging::Header> header = header_of(std::move(line));
    if (!header) {
      return below("submission", header.error());
    }
    if (!header->submission.key.empty()) {
      Result<std::optional<engine::SubmissionView>> taken =
          engine_.already_taken(header->submission.key);
      if (!taken) {
        return taken.error();
      }
      if (*taken) {
        earlier_ = std::move(**taken);
        return ok();
      }
    }
    Result<std::unique_ptr<engine::Staging>> staging = engine_.stage(std::move(*header));
    if (!staging) {
      return staging.error();
    }
    staging_ = std::move(*staging);
    return ok();
  }

  Status stage(wire::Objects line) {
    has_objects_ = true;
    return staging_->add_objects(std::move(line.pickle));
  }

  Status stage(wire::NewGroup line) {
    Result<engine::Staging::NewGroup> group = group_of(std::move(line));
    const std::uint64_t number = groups_++;
    return group ? staging_->add(std::move(*group))
                 : below(fmt::format("groups[{}]", number), group.error());
  }

  Status stage(wire::NewTask line) {
    Result<engine::Staging::NewTask> task = task_of(std::move(line), directory_);
    const std::uint64_t number = tasks_++;
    return task ? staging_->add(std::move(*task))
                : below(fmt::format("tasks[{}]", number), task.error());
  }

  Status stage(wire::Edge line) {
    ++edge_lines_;
    return staging_->add_edge(line.from, line.to, when_of(line.when));
  }

  Status stage(wire::End line) {
    edges_ = line.edges;
    return ok();
  }

  static Error below(const std::string& place, Error error) {
    error.field = error.field.empty() ? place : place + "." + error.field;
    return error;
  }

  /// "task.name" of the reader → "tasks[3].name".
  [[nodiscard]] Error with_number(Error error) const {
    const auto number = [&error](std::string_view key, std::uint64_t count) {
      const bool is_it = error.field == key || error.field.starts_with(fmt::format("{}.", key)) ||
                         error.field.starts_with(fmt::format("{}[", key));
      if (is_it) {
        error.field = fmt::format("{}s[{}]{}", key, count, error.field.substr(key.size()));
      }
    };
    number("task", tasks_);
    number("group", groups_);
    number("edge", edge_lines_);
    return error;
  }

  void refuse(const Error& error, bool malformed = false) {
    constexpr int bad_request = 400;
    wire::Problem problem = wire::problem_of(error);
    problem.line = line_;
    if (malformed) {
      problem.status = bad_request;
    }
    staging_.reset();
    responder_.fail(problem);
  }

  engine::Engine& engine_;
  Responder responder_;
  wire::LineReader reader_;
  std::string partial_;  // the part of a line that has arrived
  std::uint64_t line_ = 0;
  std::size_t unwritten_ = 0;

  std::shared_ptr<engine::Staging> staging_;
  std::optional<engine::SubmissionView> earlier_;  // its key was taken already
  std::string directory_;
  bool has_objects_ = false;
  std::uint64_t groups_ = 0;
  std::uint64_t tasks_ = 0;
  std::uint64_t edge_lines_ = 0;
  std::optional<std::uint64_t> edges_;  // as the end line counts them
};

}  // namespace

std::unique_ptr<Body> create(Context& context, Responder responder) {
  return std::make_unique<SubmissionBody>(context.engine, std::move(responder));
}

}  // namespace cattino::server::verbs
