// Resolving names.
#include "engine/select.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <set>
#include <unordered_map>

#include <fmt/core.h>

#include "base/text.h"

namespace cattino::engine {

namespace {

constexpr std::uint64_t no_limit = std::numeric_limits<std::int64_t>::max();

class Selector {
 public:
  Selector(store::Reader& reader, const SelectOptions& options)
      : reader_(reader), options_(options) {}

  Status add_name(const std::string& name);
  Status add_match(const std::string& expression);
  Status add_all();
  Selected take();

 private:
  store::Filter filter(bool statuses) const;
  Result<store::Listing> list(const store::Filter& wanted);
  void keep(store::Listing listing);
  void keep_holders(store::Listing listing);
  Error not_found(const std::string& name);

  store::Reader& reader_;
  const SelectOptions& options_;
  std::map<TaskId, store::TaskRow> tasks_;
  std::map<GroupId, store::GroupRow> groups_;
  std::uint64_t truncated_ = 0;
};

store::Filter Selector::filter(bool statuses) const {
  store::Filter wanted;
  wanted.hidden = options_.hidden;
  wanted.limit = no_limit;
  if (statuses) {
    wanted.statuses = options_.statuses;
    wanted.ended_after = options_.ended_after;
    wanted.limit = options_.limit == 0 ? no_limit : options_.limit;
  }
  return wanted;
}

Result<store::Listing> Selector::list(const store::Filter& wanted) {
  return reader_.list(wanted);
}

void Selector::keep(store::Listing listing) {
  truncated_ += listing.truncated;
  for (store::TaskRow& row : listing.tasks) {
    const TaskId id = row.task.spec.id;
    tasks_.insert_or_assign(id, std::move(row));
  }
  for (store::GroupRow& row : listing.groups) {
    const GroupId id = row.group.spec.id;
    groups_.insert_or_assign(id, std::move(row));
  }
}

/// Of several tasks that have had a name, keeps the one that has not ended, else the latest.
void Selector::keep_holders(store::Listing listing) {
  std::unordered_map<std::string, std::size_t> holders;
  for (std::size_t i = 0; i < listing.tasks.size(); ++i) {
    const auto [at, is_new] = holders.try_emplace(listing.tasks[i].task.fullname, i);
    const bool before_ended = core::has_ended(listing.tasks[at->second].state.status);
    if (!is_new && (before_ended || !core::has_ended(listing.tasks[i].state.status))) {
      at->second = i;
    }
  }
  std::set<std::size_t> kept;
  for (const auto& [name, index] : holders) {
    kept.insert(index);
  }
  std::vector<store::TaskRow> rows;
  rows.reserve(kept.size());
  for (const std::size_t index : kept) {
    rows.push_back(std::move(listing.tasks[index]));
  }
  listing.tasks = std::move(rows);
  keep(std::move(listing));
}

Status Selector::add_name(const std::string& name) {
  store::Filter wanted = filter(false);
  const std::uint64_t id = id_in(name);
  if (id != 0) {
    wanted.ids = {TaskId{id}};
    wanted.hidden = true;
    Result<store::Listing> found = list(wanted);
    if (!found) {
      return found.error();
    }
    const std::string plain = name.substr(0, name.rfind('#'));
    if (!found->tasks.empty() && (plain.empty() || found->tasks.front().task.fullname == plain)) {
      keep(std::move(found.value()));
      return ok();
    }
  }
  wanted = filter(false);
  wanted.fullnames = {name};
  Result<store::Listing> found = list(wanted);
  if (!found) {
    return found.error();
  }
  if (found->tasks.empty()) {
    return not_found(name);
  }
  if (options_.history) {
    keep(std::move(found.value()));
  } else {
    keep_holders(std::move(found.value()));
  }
  return ok();
}

Status Selector::add_match(const std::string& expression) {
  store::Filter wanted = filter(true);
  wanted.match = expression;
  Result<store::Listing> found = list(wanted);
  if (!found) {
    if (found.error().code == ErrorCode::invalid) {
      found.error().field = "match";
    }
    return found.error();
  }
  keep(std::move(found.value()));
  return ok();
}

Status Selector::add_all() {
  Result<store::Listing> found = list(filter(true));
  if (!found) {
    return found.error();
  }
  keep(std::move(found.value()));
  return ok();
}

Error Selector::not_found(const std::string& name) {
  if (const TaskId id{id_in(name)}; id) {
    const Result<bool> was = reader_.was_task(id);
    if (was && *was) {
      return {
          ErrorCode::not_found,
          fmt::format("task `{}` is no longer known", name),
          {},
          "what has ended is forgotten after a while (settings history-age, history-size); its "
          "logs stay"};
    }
  }
  Error error{ErrorCode::not_found, fmt::format("there is no task or group `{}`", name)};
  store::Filter some;
  some.limit = 10'000;
  const Result<store::Listing> known = reader_.list(some);
  if (!known) {
    return error;
  }
  std::set<std::string> names;
  for (const store::TaskRow& row : known->tasks) {
    names.insert(row.task.fullname);
  }
  for (const store::GroupRow& row : known->groups) {
    names.insert(row.group.fullname);
  }
  const std::vector<std::string> words(names.begin(), names.end());
  if (const std::optional<std::string> near = nearest(name, words)) {
    error.hint = fmt::format("did you mean `{}`?", *near);
  } else if (words.empty()) {
    error.hint = "there are no tasks yet";
  }
  return error;
}

Selected Selector::take() {
  Selected selected;
  selected.truncated = truncated_;
  for (auto& [id, row] : tasks_) {
    if (options_.limit != 0 && selected.tasks.size() == options_.limit) {
      ++selected.truncated;
      continue;
    }
    selected.tasks.push_back(std::move(row));
  }
  for (auto& [id, row] : groups_) {
    selected.groups.push_back(std::move(row));
  }
  return selected;
}

}  // namespace

std::uint64_t id_in(std::string_view name) {
  const std::size_t mark = name.rfind('#');
  if (mark == std::string_view::npos || mark + 1 == name.size()) {
    return 0;
  }
  std::uint64_t id = 0;
  const char* const end = name.data() + name.size();
  const auto [stop, failure] = std::from_chars(name.data() + mark + 1, end, id);
  return failure == std::errc{} && stop == end ? id : 0;
}

Result<Selected> select(
    store::Reader& reader, const Selection& selection, const SelectOptions& options) {
  Selector selector(reader, options);
  for (const std::string& name : selection.names) {
    if (const Status added = selector.add_name(name); !added) {
      return added.error();
    }
  }
  if (!selection.match.empty()) {
    if (const Status added = selector.add_match(selection.match); !added) {
      return added.error();
    }
  }
  if (selection.all || (selection.names.empty() && selection.match.empty())) {
    if (const Status added = selector.add_all(); !added) {
      return added.error();
    }
  }
  return selector.take();
}

}  // namespace cattino::engine
