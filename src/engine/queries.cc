// Lists and single tasks.
#include "engine/queries.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/presenter.h"
#include "engine/select.h"

namespace cattino::engine {

namespace {

using Shown = std::variant<DetailView, ListView>;

constexpr Duration recent = Duration::seconds(24 * 3600);

// ---- on the reader's thread -------------------------------------------------------------------------

/// A name stands for itself whatever its status: the rest goes.
void keep_statuses(std::vector<store::TaskRow>& rows, const std::vector<core::TaskStatus>& wanted) {
  if (wanted.empty()) {
    return;
  }
  std::erase_if(rows, [&wanted](const store::TaskRow& row) {
    return std::find(wanted.begin(), wanted.end(), row.state.status) == wanted.end();
  });
}

Result<ListView> read_list(
    store::Reader& reader,
    const ListQuery& query,
    const SelectOptions& options,
    const std::vector<std::string>& device_names) {
  Result<Selected> selected = select(reader, query.selection, options);
  if (!selected) {
    return selected.error();
  }
  keep_statuses(selected->tasks, query.statuses);
  ListView view;
  view.truncated = selected->truncated;
  view.tasks = SnapshotViews(reader, device_names).tasks(selected.value());
  view.groups = group_views(view.tasks, selected->groups);
  return view;
}

/// The task that is meant itself, not as a member of a group; null if there is none.
store::TaskRow* meant(std::vector<store::TaskRow>& rows, const std::string& reference) {
  const std::uint64_t id = id_in(reference);
  const auto at = std::find_if(rows.begin(), rows.end(), [&](const store::TaskRow& row) {
    return row.task.fullname == reference || (id != 0 && row.task.spec.id.value == id);
  });
  return at == rows.end() ? nullptr : &*at;
}

Result<Shown> read_shown(
    store::Reader& reader,
    const std::string& reference,
    const std::vector<std::string>& device_names) {
  Selection selection;
  selection.names = {reference};
  SelectOptions options;
  options.hidden = true;
  Result<Selected> selected = select(reader, selection, options);
  if (!selected) {
    return selected.error();
  }
  SnapshotViews views(reader, device_names);
  if (store::TaskRow* row = meant(selected->tasks, reference)) {
    Result<DetailView> detail = views.detail(std::move(*row), selected->groups);
    return detail ? Result<Shown>(Shown(std::move(detail.value()))) : Result<Shown>(detail.error());
  }
  ListView list;
  list.tasks = views.tasks(selected.value());
  list.groups = group_views(list.tasks, selected->groups);
  std::erase_if(list.groups, [&reference](const GroupView& group) {
    return group.row.group.fullname != reference;
  });
  return Shown(std::move(list));
}

// ---- on the loop's thread ---------------------------------------------------------------------------

void complete(World& world, ListView& list, bool reasons) {
  LiveViews(world).complete(list.tasks, reasons);
  list.now = world.clock.now();
}

void complete(World& world, Shown& shown) {
  if (auto* detail = std::get_if<DetailView>(&shown)) {
    LiveViews(world).complete(detail->task, true);
  } else {
    complete(world, std::get<ListView>(shown), true);
  }
}

}  // namespace

void list_tasks(World& world, ListQuery query, Answer<ListView> answer) {
  SelectOptions options;
  options.statuses = query.statuses;
  options.history = query.history;
  options.limit = query.limit;
  options.ended_after = query.history ? query.changed_since : world.clock.now() - recent;
  const bool reasons = query.reasons;
  world.read<Result<ListView>>(
      [query = std::move(query), options, names = world.device_names()](store::Reader& reader) {
        return read_list(reader, query, options, names);
      },
      [&world, reasons, answer = std::move(answer)](Result<ListView> view) {
        if (view) {
          complete(world, view.value(), reasons);
        }
        answer(std::move(view));
      });
}

void show_task(World& world, std::string reference, Answer<Shown> answer) {
  world.read<Result<Shown>>(
      [reference = std::move(reference), names = world.device_names()](store::Reader& reader) {
        return read_shown(reader, reference, names);
      },
      [&world, answer = std::move(answer)](Result<Shown> shown) {
        if (shown) {
          complete(world, shown.value());
        }
        answer(std::move(shown));
      });
}

}  // namespace cattino::engine
