// Which tasks a filter means. Candidates are ranges of ids, from the narrowest condition there is; then
// the states in them are read along, and names only if the filter asks for them.
#include "store/selection.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/core.h>
#include <re2/re2.h>

#include "store/limits.h"
#include "store/lookup.h"

namespace cattino::store {

namespace {

bool has(const std::vector<core::TaskStatus>& statuses, core::TaskStatus status) {
  return statuses.empty() || std::find(statuses.begin(), statuses.end(), status) != statuses.end();
}

bool wants_only_live(const Filter& filter) {
  return !filter.statuses.empty() &&
         std::none_of(filter.statuses.begin(), filter.statuses.end(), core::has_ended);
}

// "a/b" is named by "a/b" and by "a".
bool is_named(std::string_view fullname, const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(), [fullname](const std::string& name) {
    return fullname.starts_with(name) &&
           (fullname.size() == name.size() || fullname[name.size()] == '/');
  });
}

}  // namespace

/// The conditions on a single task.
struct Selection::Wanted {
  const Filter& filter;
  const re2::RE2* match = nullptr;
  bool needs_name = false;

  [[nodiscard]] bool by_state(core::TaskStatus status, Time ended) const {
    if (filter.ended_after && core::has_ended(status) && ended < filter.ended_after) {
      return false;
    }
    return has(filter.statuses, status);
  }

  [[nodiscard]] bool by_name(std::string_view fullname) const {
    if (match != nullptr && !re2::RE2::PartialMatch(fullname, *match)) {
      return false;
    }
    return filter.ids.empty() || filter.fullnames.empty() || is_named(fullname, filter.fullnames);
  }
};

Selection::Selection(Connection& connection)
    : exists_(connection, "SELECT id, 1 FROM tasks WHERE id = ?"),
      named_(connection, "SELECT id, 1 FROM tasks WHERE fullname = ?"),
      below_(connection, "SELECT id, 1 FROM tasks WHERE fullname >= ? AND fullname < ?"),
      submission_(
          connection,
          "SELECT first_task, task_count FROM submissions WHERE id = ? AND visibility = 1"),
      all_(connection, "SELECT first_task, task_count FROM submissions WHERE visibility = 1"),
      live_(
          connection,
          "SELECT first_task, task_count FROM submissions"
          " WHERE visibility = 1 AND ended IS NULL"),
      recent_(
          connection,
          "SELECT first_task, task_count FROM submissions WHERE visibility = 1 AND ended >= ?"),
      unseen_(connection, "SELECT first_task, task_count FROM submissions WHERE visibility <> 1"),
      states_(
          connection, "SELECT id, status, ended FROM states WHERE id >= ? AND id < ? ORDER BY id"),
      names_(connection, "SELECT id, fullname FROM tasks WHERE id >= ? AND id < ? ORDER BY id"),
      hidden_(connection, "SELECT id FROM hidden WHERE id >= ? AND id < ? ORDER BY id") {}

Selection::~Selection() = default;

Status Selection::add_rows(Rows& rows, Ranges& ranges) {
  while (rows.next()) {
    const std::uint64_t first = rows.id(0);
    const std::uint64_t count = rows.id(1);
    if (first > id_max || count > ids_of_submission_max) {
      return bad_row("a submission with task", first);
    }
    const std::uint64_t end = first + count;
    if (!ranges.empty() && ranges.back().end == first) {
      ranges.back().end = end;
    } else {
      ranges.push_back({first, end});
    }
  }
  return rows.status();
}

Status Selection::add_ids(const Filter& filter, Ranges& ranges) {
  for (const TaskId id : filter.ids) {
    Rows rows = exists_.with(id.value).rows();
    if (Status done = add_rows(rows, ranges); !done) {
      return done;
    }
  }
  return ok();
}

Status Selection::add_named(const std::string& fullname, Ranges& ranges) {
  {
    Rows rows = named_.with(std::string_view(fullname)).rows();
    if (Status done = add_rows(rows, ranges); !done) {
      return done;
    }
  }
  const std::string first = fullname + '/';
  const std::string end = fullname + static_cast<char>('/' + 1);
  Rows rows = below_.with(std::string_view(first), std::string_view(end)).rows();
  return add_rows(rows, ranges);
}

Status Selection::add_submissions(const Filter& filter, Ranges& ranges) {
  for (const SubmissionId id : filter.submissions) {
    Rows rows = submission_.with(id.value).rows();
    if (Status done = add_rows(rows, ranges); !done) {
      return done;
    }
  }
  return ok();
}

Result<Ranges> Selection::candidates(const Filter& filter) {
  Ranges ranges;
  Status done = ok();
  const auto add = [&done, &ranges, this](Rows rows) {
    done = done ? add_rows(rows, ranges) : done;
  };
  if (!filter.ids.empty()) {
    done = add_ids(filter, ranges);
  } else if (!filter.fullnames.empty()) {
    for (const std::string& fullname : filter.fullnames) {
      done = done ? add_named(fullname, ranges) : done;
    }
  } else if (!filter.submissions.empty()) {
    done = add_submissions(filter, ranges);
  } else if (filter.ended_after || wants_only_live(filter)) {
    add(live_.with().rows());
    if (!wants_only_live(filter)) {
      add(recent_.with(filter.ended_after.us).rows());
    }
  } else {
    add(all_.with().rows());
  }
  Ranges unseen;
  if (done) {
    Rows rows = unseen_.with().rows();
    done = add_rows(rows, unseen);
  }
  Ranges within;
  if (done) {
    done = add_submissions(filter, within);
  }
  if (!done) {
    return done.error();
  }
  ranges = difference(normalized(std::move(ranges)), normalized(std::move(unseen)));
  if (!filter.submissions.empty()) {
    ranges = intersection(ranges, normalized(std::move(within)));
  }
  return ranges;
}

// States, names and hidden marks are in the order of ids: all are read along with the range.
Status Selection::scan(const Range& range, const Wanted& wanted, Picked& picked) {
  Rows states = states_.with(range.first, range.end).rows();
  Rows hidden = hidden_.with(range.first, range.end).rows();
  Rows names = names_.with(range.first, range.end).rows();
  bool more_states = states.next();
  bool more_hidden = hidden.next();
  for (std::uint64_t id = range.first; id < range.end; ++id) {
    auto status = core::TaskStatus::waiting;
    Time ended;
    if (more_states && states.id(0) == id) {
      status = static_cast<core::TaskStatus>(states.number(1));
      ended.us = states.number(2);
      more_states = states.next();
    }
    const bool is_hidden = more_hidden && hidden.id(0) == id;
    more_hidden = is_hidden ? hidden.next() : more_hidden;
    const bool has_name = wanted.needs_name && names.next() && names.id(0) == id;
    if ((is_hidden && !wanted.filter.hidden) || !wanted.by_state(status, ended) ||
        (wanted.needs_name && !(has_name && wanted.by_name(names.bytes(1))))) {
      continue;
    }
    if (picked.ids.size() < wanted.filter.limit) {
      picked.ids.push_back(TaskId{id});
    } else {
      ++picked.truncated;
    }
  }
  for (const Rows* rows : {&states, &hidden, &names}) {
    if (Status status = rows->status(); !status) {
      return status;
    }
  }
  return ok();
}

Result<Selection::Picked> Selection::pick(const Filter& filter) {
  std::optional<re2::RE2> match;
  if (!filter.match.empty()) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    match.emplace(filter.match, options);
    if (!match->ok()) {
      return Error{
          .code = ErrorCode::invalid,
          .message = fmt::format("bad regular expression: {}", match->error()),
          .field = "match"};
    }
  }
  auto ranges = candidates(filter);
  if (!ranges) {
    return ranges.error();
  }
  const Wanted wanted{
      .filter = filter,
      .match = match ? &*match : nullptr,
      .needs_name = match.has_value() || (!filter.ids.empty() && !filter.fullnames.empty())};
  Picked picked;
  for (const Range& range : *ranges) {
    if (Status done = scan(range, wanted, picked); !done) {
      return done.error();
    }
  }
  return picked;
}

}  // namespace cattino::store
