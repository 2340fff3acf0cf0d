// From rows to views, in two steps: what the stored snapshot says, on the reader's thread; then, on the
// loop, what only the core knows: live states, why tasks wait, who holds a name.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/select.h"
#include "engine/views.h"
#include "engine/wording.h"
#include "engine/world.h"

namespace cattino::engine {

/// Makes views of rows. Reader's thread; lives for one question.
class SnapshotViews {
 public:
  SnapshotViews(store::Reader& reader, std::vector<std::string> device_names);

  TaskView task(store::TaskRow row, const std::vector<store::GroupRow>& groups);
  std::vector<TaskView> tasks(Selected& selected);
  Result<DetailView> detail(store::TaskRow row, const std::vector<store::GroupRow>& groups);

 private:
  const store::Submission& submission(SubmissionId id);
  std::vector<std::string> names_of(const std::vector<std::uint16_t>& devices) const;
  void add_last_attempt(TaskView& view);
  std::optional<ReasonView> end_reason(const store::TaskRow& row);
  /// What an ended task needed, and could not have any more.
  struct Dependency {
    std::string text;
    std::string resume;  ///< what to resume; empty: nothing would help
  };
  const Dependency& dependency(core::Node node, SubmissionId submission);
  Dependency failed_dependency(core::Node node, SubmissionId submission, int depth);
  std::string name(core::Node node);

  store::Reader& reader_;
  std::vector<std::string> device_names_;
  std::map<SubmissionId, store::Submission> submissions_;
  std::map<core::Node, Dependency> dependencies_;
};

/// Groups of the listed tasks, with counts of those.
std::vector<GroupView> group_views(
    const std::vector<TaskView>& tasks, const std::vector<store::GroupRow>& groups);

/// Adds what the core knows. Loop's thread.
class LiveViews {
 public:
  explicit LiveViews(World& world) : world_(world) {}

  void complete(TaskView& view, bool reasons);
  void complete(std::vector<TaskView>& views, bool reasons);
  std::optional<ReasonView> why(TaskId task);
  Result<SubmissionView> submission(SubmissionId id);
  DevicesView devices();

 private:
  [[nodiscard]] std::vector<std::string> names_of(const std::vector<std::uint16_t>& devices) const;
  [[nodiscard]] std::vector<store::TaskRow> rows_of(SubmissionId id) const;
  Wording words();
  /// Who holds what the reason says is short; the most first.
  const std::vector<Holder>& holders_of(const core::Reason& reason);
  [[nodiscard]] std::int64_t held_by(TaskId task, const core::Reason& reason) const;
  void bring_up_to_date(TaskView& view, const core::TaskState& state) const;
  /// What the task holds of the device.
  void add_claims(TaskId task, DeviceView& shown) const;

  World& world_;
  bool forecasts_ = true;  ///< says when waiting tasks will start
  // Of one question:
  std::map<core::Node, std::string> names_;
  std::map<std::pair<core::Reason::Kind, std::string>, std::vector<Holder>> holders_;
};

}  // namespace cattino::engine
