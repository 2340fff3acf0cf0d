// The Reader over SQLite: each call is one snapshot.
#include <algorithm>
#include <set>
#include <utility>

#include <fmt/core.h>

#include "store/check.h"
#include "store/limits.h"
#include "store/lookup.h"
#include "store/schema.h"
#include "store/selection.h"
#include "store/sqlite.h"
#include "store/store.h"

namespace cattino::store {

namespace {

/// A read transaction: what is read within it is of one moment.
class Snapshot {
 public:
  explicit Snapshot(Connection& connection)
      : connection_(connection), status_(connection.execute("BEGIN")) {}
  ~Snapshot() {
    if (connection_.in_transaction()) {
      (void)connection_.execute("COMMIT");
    }
  }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  [[nodiscard]] const Status& status() const { return status_; }

 private:
  Connection& connection_;
  Status status_;
};

class SqliteReader final : public Reader {
 public:
  explicit SqliteReader(std::unique_ptr<Connection> connection)
      : connection_(std::move(connection)),
        lookup_(*connection_),
        selection_(*connection_),
        task_name_(*connection_, "SELECT fullname FROM tasks WHERE id = ?"),
        group_name_(*connection_, "SELECT fullname FROM groups WHERE id = ?") {}

  Result<Listing> list(const Filter& filter) override;
  Result<std::vector<Attempt>> attempts(TaskId task) override;
  Result<Submission> submission(SubmissionId id) override;
  Result<std::vector<std::string>> environment(std::uint64_t id) override;
  Result<std::pair<std::vector<core::Node>, std::vector<core::Node>>> edges_of(TaskId id) override;
  Result<std::vector<std::string>> names(const std::vector<core::Node>& nodes) override;
  Result<bool> was_task(TaskId task) override;
  Status check() override;

 private:
  Status add_groups(Listing& listing);
  Result<std::set<core::Node>> with_groups(const Task& task);

  std::unique_ptr<Connection> connection_;
  Lookup lookup_;
  Selection selection_;
  Statement task_name_;
  Statement group_name_;
};

Result<Listing> SqliteReader::list(const Filter& filter) {
  const Snapshot snapshot(*connection_);
  if (!snapshot.status()) {
    return snapshot.status().error();
  }
  auto picked = selection_.pick(filter);
  if (!picked) {
    return picked.error();
  }
  Listing listing;
  listing.truncated = picked->truncated;
  listing.tasks.reserve(picked->ids.size());
  for (const TaskId id : picked->ids) {
    auto row = lookup_.row(id);
    if (!row) {
      return row.error();
    }
    listing.tasks.push_back(std::move(*row));
  }
  if (Status done = add_groups(listing); !done) {
    return done.error();
  }
  return listing;
}

Status SqliteReader::add_groups(Listing& listing) {
  std::set<SubmissionId> submissions;
  for (const TaskRow& row : listing.tasks) {
    submissions.insert(row.task.submission);
  }
  for (const SubmissionId id : submissions) {
    auto found = lookup_.submission(id);
    if (!found) {
      return found.error();
    }
    auto groups = lookup_.groups(found->submission.first_group, found->submission.group_count);
    if (!groups) {
      return groups.error();
    }
    std::move(groups->begin(), groups->end(), std::back_inserter(listing.groups));
  }
  return ok();
}

Result<std::vector<Attempt>> SqliteReader::attempts(TaskId task) {
  return lookup_.attempts(task);
}

Result<Submission> SqliteReader::submission(SubmissionId id) {
  auto found = lookup_.submission(id);
  if (!found) {
    return found.error();
  }
  if (!found->visible) {
    return no_such("submission", id.value);
  }
  return std::move(found->submission);
}

Result<std::vector<std::string>> SqliteReader::environment(std::uint64_t id) {
  return lookup_.environment(id);
}

// The task and the groups it is in: an edge of a group is one of each of its tasks.
Result<std::set<core::Node>> SqliteReader::with_groups(const Task& task) {
  std::set<core::Node> nodes = {core::Node::of(task.spec.id)};
  GroupId group = task.spec.group;
  while (group && nodes.insert(core::Node::of(group)).second) {
    auto row = lookup_.group(group);
    if (!row) {
      return row.error();
    }
    group = row->group.spec.parent;
  }
  return nodes;
}

Result<std::pair<std::vector<core::Node>, std::vector<core::Node>>> SqliteReader::edges_of(
    TaskId id) {
  const Snapshot snapshot(*connection_);
  if (!snapshot.status()) {
    return snapshot.status().error();
  }
  auto task = lookup_.task(id);
  if (!task) {
    return task.error();
  }
  auto nodes = with_groups(*task);
  if (!nodes) {
    return nodes.error();
  }
  auto edges = lookup_.edges(task->submission);
  if (!edges) {
    return edges.error();
  }
  std::pair<std::vector<core::Node>, std::vector<core::Node>> found;
  for (const core::Edge& edge : *edges) {
    if (nodes->count(edge.to) != 0) {
      found.first.push_back(edge.from);
    }
    if (nodes->count(edge.from) != 0) {
      found.second.push_back(edge.to);
    }
  }
  return found;
}

Result<std::vector<std::string>> SqliteReader::names(const std::vector<core::Node>& nodes) {
  const Snapshot snapshot(*connection_);
  if (!snapshot.status()) {
    return snapshot.status().error();
  }
  std::vector<std::string> names;
  names.reserve(nodes.size());
  for (const core::Node& node : nodes) {
    Statement& query = node.kind == core::Node::Kind::group ? group_name_ : task_name_;
    const std::uint64_t id = node.kind == core::Node::Kind::none ? 0 : node.id;
    Rows rows = query.with(id).rows();
    names.emplace_back(rows.next() ? rows.bytes(0) : std::string_view());
    if (Status status = rows.status(); !status) {
      return status.error();
    }
  }
  return names;
}

Result<bool> SqliteReader::was_task(TaskId task) {
  const auto last = connection_->number("SELECT task FROM marks");
  if (!last) {
    return last.error();
  }
  return task.value <= static_cast<std::uint64_t>(*last);
}

Status SqliteReader::check() {
  Status sound = check_structure(*connection_);
  if (!sound && sound.error().code == ErrorCode::corrupt) {
    note_damage(connection_->path(), sound.error().message);
  }
  return sound;
}

}  // namespace

Result<std::unique_ptr<Reader>> Reader::open(const std::string& path) {
  auto connection = Connection::open(path, Connection::Mode::read);
  if (!connection) {
    return connection.error();
  }
  Connection& opened = **connection;
  opened.wait_when_busy(writer_patience_ms);
  if (Status ours = check_schema(opened); !ours) {
    return ours.error();
  }
  const std::string settings =
      fmt::format("PRAGMA cache_size = -{}; PRAGMA temp_store = MEMORY;", reader_cache_kib);
  if (Status set = opened.execute(settings); !set) {
    return set.error();
  }
  return std::unique_ptr<Reader>(std::make_unique<SqliteReader>(std::move(*connection)));
}

}  // namespace cattino::store
