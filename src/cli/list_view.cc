// meow list: a table, in which the members of a group stand below it.
#include <algorithm>
#include <ctime>
#include <map>
#include <set>

#include <fmt/core.h>

#include "base/amounts.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/table.h"
#include "cli/views.h"
#include "cli/words.h"

namespace cattino::cli {

namespace {

/// One line of the tree: a group, or a task that stands in for itself.
struct Row {
  std::size_t depth = 0;
  const wire::Group* group = nullptr;
  const wire::Task* task = nullptr;
};

std::size_t depth_of(std::string_view fullname) {
  return static_cast<std::size_t>(std::count(fullname.begin(), fullname.end(), '/'));
}

using Groups = std::map<std::pair<std::uint64_t, std::string>, const wire::Group*>;

/// Puts above a task those of its groups that have not been shown for it yet.
void add_groups(
    std::vector<Row>& rows,
    Groups& not_shown,
    const wire::Task& task,
    const std::string& group_name) {
  for (std::size_t end = 0; end != std::string::npos && !group_name.empty();) {
    end = group_name.find('/', end + 1);
    const std::string prefix = group_name.substr(0, end);
    const auto found = not_shown.find({task.submission, prefix});
    if (found != not_shown.end()) {
      rows.push_back({depth_of(prefix), found->second, nullptr});
      not_shown.erase(found);
    }
  }
}

/// Tasks in the order of their ids, those of a group together, under it.
std::vector<Row> tree_of(const wire::TaskList& list) {
  Groups not_shown;
  for (const wire::Group& group : list.groups) {
    not_shown[{group.submission, group.fullname}] = &group;
  }
  std::vector<const wire::Task*> tasks;
  std::map<std::pair<std::uint64_t, std::string>, std::uint64_t> first_of_group;
  for (const wire::Task& task : list.tasks) {
    tasks.push_back(&task);
    const std::string top = task.group ? task.group->substr(0, task.group->find('/')) : "";
    first_of_group.try_emplace({task.submission, top}, task.id);
  }
  const auto key = [&](const wire::Task* task) {
    if (!task->group || task->group->empty()) {
      return std::tuple(task->id, std::string(), task->id);
    }
    const std::string top = task->group->substr(0, task->group->find('/'));
    return std::tuple(first_of_group.at({task->submission, top}), *task->group, task->id);
  };
  std::sort(tasks.begin(), tasks.end(), [&](const wire::Task* a, const wire::Task* b) {
    return key(a) < key(b);
  });
  std::vector<Row> rows;
  for (const wire::Task* task : tasks) {
    const std::string group = task->group ? *task->group : "";
    add_groups(rows, not_shown, *task, group);
    rows.push_back({group.empty() ? 0 : depth_of(group) + 1, nullptr, task});
  }
  return rows;
}

/// Names of groups that several of the listed submissions have: their times tell them apart.
std::set<std::string> repeated_groups(const wire::TaskList& list) {
  std::set<std::string> once;
  std::set<std::string> repeated;
  for (const wire::Group& group : list.groups) {
    if (!once.insert(group.fullname).second) {
      repeated.insert(group.fullname);
    }
  }
  return repeated;
}

/// "14:05", with the day if it was not within the last one.
std::string short_time(wire::Milliseconds at, wire::Milliseconds now) {
  const std::time_t seconds = at / 1000;
  std::tm parts{};
  localtime_r(&seconds, &parts);
  const std::string time = fmt::format("{:02}:{:02}", parts.tm_hour, parts.tm_min);
  return now - at < Duration::seconds(86400).ms()
             ? time
             : fmt::format("{:02}-{:02} {}", parts.tm_mon + 1, parts.tm_mday, time);
}

std::string name_of_group(const wire::Group& group, std::size_t depth) {
  const std::string name = group.fullname.substr(group.fullname.find_last_of('/') + 1);
  return std::string(depth * 2, ' ') + harmless(name) + "/";
}

/// In the tree a task goes by its own name; one whose name was given up keeps its "#id", unless it is
/// below a group, where its number stands beside it anyway.
std::string name_of_task(const wire::Task& task, std::size_t depth) {
  std::string name = task.shown.empty() ? task.fullname : task.shown;
  if (depth > 0 && task.group && task.fullname.starts_with(*task.group + "/")) {
    name = task.fullname.substr(task.group->size() + 1);
  }
  return std::string(depth * 2, ' ') + harmless(name);
}

/// Rows for the table, in their order.
class Lines {
 public:
  Lines(const wire::TaskList& list, Table& table)
      : list_(list), repeated_(repeated_groups(list)), table_(table) {}

  void add(const Row& row, wire::Milliseconds created) {
    row.group != nullptr ? add_group(row, created) : add_task(row);
  }

 private:
  void add_group(const Row& row, wire::Milliseconds created) {
    const wire::Group& group = *row.group;
    std::string remark = counts_text(group.counts);
    if (repeated_.contains(group.fullname)) {
      remark += ", created " + short_time(created, list_.now);
    }
    Cell counts{remark};
    counts.to_end = true;
    table_.add(
        {{},
         {name_of_group(group, row.depth), Colour::bold},
         {group.status, colour_of_status(group.status)},
         {},
         counts});
    above_.clear();
  }

  void add_task(const Row& row) {
    const wire::Task& task = *row.task;
    std::vector<Cell> cells = {
        {fmt::format("{}", task.id)},
        {name_of_task(task, row.depth)},
        {status_text(task), colour_of_status(task.status)},
        {time_of(task, list_.now)}};
    Cell remark{remark_of(task)};
    if (task.status == "Running" && task.progress) {
      remark.text = progress_text(task.progress) + (remark.text.empty() ? "" : "; " + remark.text);
    }
    remark.brief = remark.text == above_ ? "as above" : brief_reason_text(task.reason);
    above_ = remark.text;
    if (task.status == "Waiting") {
      remark.to_end = true;  // it holds no devices
    } else {
      cells.push_back({devices_words(task.devices)});
    }
    cells.push_back(std::move(remark));
    table_.add(std::move(cells));
  }

  const wire::TaskList& list_;
  std::set<std::string> repeated_;
  std::string above_;  ///< the remark of the row before
  Table& table_;
};

}  // namespace

std::string time_of(const wire::Task& task, wire::Milliseconds now) {
  if (!task.started) {
    return task.status == "Waiting" ? describe(Duration::milliseconds(now - task.created)) : "";
  }
  const wire::Milliseconds end = task.ended.value_or(now);
  return describe(Duration::milliseconds(std::max<wire::Milliseconds>(0, end - *task.started)));
}

namespace {

/// What it costs that room is kept for tasks: "holding 5 idle devices for big".
std::string cost_text(const wire::TaskList& list) {
  std::string text;
  for (const wire::Task& task : list.tasks) {
    const int idle = task.reason ? task.reason->idle.value_or(0) : 0;
    if (idle > 0) {
      text +=
          fmt::format("holding {} for {}\n", count_of(idle, "idle device"), harmless(task.shown));
    }
  }
  return text;
}

}  // namespace

std::string list_text(const wire::TaskList& list, const Screen& screen) {
  Table table(
      {{"ID", true, Shrink::never},
       {"NAME", false, Shrink::in_the_middle, 12, 24},
       {"STATUS", false, Shrink::at_the_end, 9, 18},
       {"TIME", true, Shrink::never},
       {"DEVICES", false, Shrink::in_the_middle, 8, 10},
       {"REASON", false, Shrink::wrap, 12, 16}});
  const std::vector<Row> rows = tree_of(list);
  Lines lines(list, table);
  for (auto row = rows.begin(); row != rows.end(); ++row) {
    // A group is followed by its first task.
    const auto task = std::find_if(row, rows.end(), [](const Row& r) { return r.task != nullptr; });
    lines.add(*row, task != rows.end() ? task->task->created : list.now);
  }
  std::string text = table.empty() ? "" : table.text(screen);
  text += cost_text(list);
  if (list.truncated > 0) {
    text += fmt::format("… and {} more: --limit shows them\n", list.truncated);
  }
  return text;
}

}  // namespace cattino::cli
