// Verbs on tasks: what changes, and for the rest why not.
#include "engine/requests.h"

#include <set>
#include <utility>

#include <fmt/core.h>

namespace cattino::engine {

namespace {

constexpr std::size_t most_listed = 1000;

/// The statuses that `--all` and a match mean.
std::vector<core::TaskStatus> statuses_of(core::Verb verb) {
  switch (verb) {
    case core::Verb::cancel:
      return {core::TaskStatus::waiting, core::TaskStatus::running};
    case core::Verb::kill:
      return {core::TaskStatus::running};
    case core::Verb::resume:
      return {core::TaskStatus::waiting, core::TaskStatus::failed, core::TaskStatus::cancelled};
    case core::Verb::remove:
      return {};
  }
  return {};
}

std::string why_ended(core::Verb verb, core::TaskStatus status) {
  if (verb != core::Verb::resume) {
    return fmt::format("it has ended: {}", core::name(status));
  }
  return status == core::TaskStatus::done ? "it is Done: done tasks are never run again"
                                          : "it has had as many attempts as there can be";
}

}  // namespace

void Requests::request(core::Verb verb, Selection selection, Answer<Outcome> answer) {
  if (selection.names.empty() && selection.match.empty() && !selection.all) {
    world_.loop.post([answer = std::move(answer)] {
      answer(Error{ErrorCode::invalid, "no task is named", "names"});
    });
    return;
  }
  SelectOptions options;
  options.statuses = statuses_of(verb);
  world_.read<Result<Selected>>(
      [selection = std::move(selection), options](store::Reader& reader) {
        return select(reader, selection, options);
      },
      [this, verb, answer = std::move(answer)](const Result<Selected>& selected) {
        if (selected) {
          apply(verb, selected.value(), answer);
        } else {
          answer(selected.error());
        }
      });
}

/// Submissions that have left the core come back if one of their tasks is to be resumed.
Status Requests::bring_back(const Selected& selected) {
  std::set<SubmissionId> away;
  for (const store::TaskRow& row : selected.tasks) {
    const bool stopped = row.state.status == core::TaskStatus::failed ||
                         row.state.status == core::TaskStatus::cancelled;
    if (stopped && world_.core.state(row.task.spec.id) == nullptr) {
      away.insert(row.task.submission);
    }
  }
  for (const SubmissionId id : away) {
    Result<core::Restored> restored = world_.store->load(id);
    if (!restored) {
      return restored.error();
    }
    turn_.step(std::move(restored.value()));
  }
  return ok();
}

std::string Requests::why_not(core::Verb verb, const store::TaskRow& row) const {
  const core::TaskState* state = world_.core.state(row.task.spec.id);
  const core::TaskState& known = state != nullptr ? *state : row.state;
  if (core::has_ended(known.status)) {
    return why_ended(verb, known.status);
  }
  if (verb == core::Verb::resume) {
    return known.status == core::TaskStatus::running ? "it runs" : "it waits already";
  }
  if (known.end_requested) {
    return "its end has been asked for already";
  }
  return verb == core::Verb::kill ? "it does not run: cancel it instead" : "nothing to do";
}

void Requests::hide(const store::TaskRow& row) {
  turn_.changes().hide(row.task.spec.id);
  turn_.write_soon();
  FeedItem item;
  item.event = "removed";
  item.at = world_.clock.now();
  item.task = row.task.spec.id;
  item.fullname = row.task.fullname;
  item.status = row.state.status;
  feed_.add(std::move(item));
}

Status Requests::prepare(core::Verb verb, const Selected& selected) {
  if (world_.leaving) {
    return Error{ErrorCode::unavailable, "the backend is leaving"};
  }
  if (Status fenced = turn_.fence(); !fenced) {
    return fenced;
  }
  return verb == core::Verb::resume ? bring_back(selected) : ok();
}

/// What stands against resuming a task that could be; `resumed` are the names of those before it.
std::string Requests::name_taken(const store::TaskRow& row, std::set<std::string>& resumed) const {
  const LiveNames::Questions ask{
      [this](TaskId task) { return world_.is_live(task); },
      [this](TaskId task) {
        return world_.fullname_of(task);
      }};
  const std::optional<TaskId> holder = world_.names.holder(row.task.fullname, ask);
  const bool is_free = !holder || *holder == row.task.spec.id;
  if (is_free && resumed.insert(row.task.fullname).second) {
    return {};
  }
  return fmt::format(
      "its name has been taken by a task that has not ended{}",
      holder ? fmt::format(" (#{})", holder->value) : "");
}

Requests::Sorted Requests::sort(core::Verb verb, const Selected& selected) const {
  Sorted sorted;
  std::set<std::string> resumed;
  for (const store::TaskRow& row : selected.tasks) {
    const bool changes = world_.core.would_change(verb, row.task.spec.id);
    const std::string taken =
        changes && verb == core::Verb::resume ? name_taken(row, resumed) : std::string{};
    if (changes && taken.empty()) {
      sorted.stepped.push_back(row.task.spec.id);
      sorted.changed.push_back(&row);
    } else if (verb == core::Verb::remove) {
      sorted.changed.push_back(&row);
    } else if (sorted.unchanged.size() < most_listed) {
      const core::TaskState* state = world_.core.state(row.task.spec.id);
      sorted.unchanged.push_back(
          {row.task.fullname,
           state != nullptr ? state->status : row.state.status,
           taken.empty() ? why_not(verb, row) : taken});
    }
  }
  return sorted;
}

ChangedTask Requests::shown_after(core::Verb verb, const store::TaskRow& row) const {
  ChangedTask shown;
  shown.id = row.task.spec.id;
  shown.fullname = row.task.fullname;
  shown.status = row.state.status;
  if (const core::TaskState* state = world_.core.state(shown.id); state != nullptr) {
    shown.status = state->status;
  } else if (!core::has_ended(row.state.status)) {
    shown.status = core::TaskStatus::cancelled;  // The step let go of it with its submission.
  }
  shown.ending = verb != core::Verb::resume && shown.status == core::TaskStatus::running;
  return shown;
}

void Requests::apply(core::Verb verb, const Selected& selected, const Answer<Outcome>& answer) {
  if (const Status possible = prepare(verb, selected); !possible) {
    answer(possible.error());
    return;
  }
  Sorted sorted = sort(verb, selected);
  if (!sorted.stepped.empty()) {
    const bool ends = verb == core::Verb::cancel || verb == core::Verb::remove;
    world_.had_work = true;
    turn_.step(core::Requested{
        verb, std::move(sorted.stepped), ends ? core::Cause::user_cancelled : core::Cause::none});
  }
  Outcome outcome;
  outcome.count = sorted.changed.size();
  outcome.unchanged = std::move(sorted.unchanged);
  for (const store::TaskRow* row : sorted.changed) {
    if (verb == core::Verb::remove) {
      hide(*row);
    }
    if (outcome.changed.size() < most_listed) {
      outcome.changed.push_back(shown_after(verb, *row));
    }
  }
  turn_.answer([answer, outcome = std::move(outcome)](const Status& synced) {
    answer(synced ? Result<Outcome>(outcome) : Result<Outcome>(synced.error()));
  });
  turn_.end_soon();
}

}  // namespace cattino::engine
