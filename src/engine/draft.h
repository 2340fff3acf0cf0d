// A submission on its way in: checked line by line, written in pieces that nobody sees, and taken in as
// a whole. Errors name the line's field: tasks[3].request.min_devices.
//
// What is written for good comes before the core hears of it: if the disk is full, the submitter is told
// and nothing has changed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/paged_table.h"
#include "engine/observer.h"
#include "engine/run_dir.h"
#include "engine/turn.h"
#include "engine/world.h"

namespace cattino::engine {

/// What a draft works with. `run_dirs` belongs to the files' thread.
struct DraftServices {
  World& world;
  Turn& turn;
  Observer& observer;
  std::shared_ptr<RunDirs> run_dirs;
  std::function<Result<SubmissionView>(SubmissionId)> view;  ///< of one that is taken
};

class Draft : public std::enable_shared_from_this<Draft> {
 public:
  /// Sets the ids aside.
  static Result<std::shared_ptr<Draft>> begin(DraftServices services, Staging::Header header);
  ~Draft();
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  Status add_objects(std::string pickle);
  Status add(Staging::NewGroup group);
  Status add(Staging::NewTask task);
  Status add_edge(std::uint32_t from, std::uint32_t to, core::When when);
  Status flush();
  void finish(std::uint64_t edges, Answer<SubmissionView> answer);

  /// Nobody will finish it: leaves nothing behind.
  void abandon();

 private:
  Draft(DraftServices services, Staging::Header header);

  Status check_ref(std::uint32_t ref) const;
  core::Node node_of(std::uint32_t ref) const;
  Result<std::string> fullname_below(std::uint32_t group, const std::string& name) const;
  Status write_rows();
  Error unknown_devices() const;
  Status check_counts(std::uint64_t edges) const;
  Status check_fit() const;
  [[nodiscard]] std::string fullname_at(std::size_t index) const;
  std::string name_of(core::Node node) const;

  // names
  struct Conflict {
    std::size_t task = 0;  ///< index
    TaskId holder;         ///< the task that has the name already; 0: none
    bool twice = false;    ///< an earlier task of this submission has it
  };
  void find_taken(std::vector<Conflict>& found);
  void find_twice(std::vector<Conflict>& found) const;
  std::vector<Conflict> conflicts();
  Error conflict_error(const std::vector<Conflict>& found) const;
  Status rename(const std::vector<Conflict>& found);
  std::optional<std::string> free_name(
      const std::string& name, std::unordered_set<std::uint64_t>& taken) const;

  // the end
  bool answered_before();
  void make_run_dir();
  void take_in(const std::string& run_dir);
  Status store_all(const std::vector<Conflict>& found, const std::string& run_dir);
  void step(const std::vector<Conflict>& found);
  void refuse(Error error);
  [[nodiscard]] bool wants_devices() const;

  DraftServices services_;
  World& world_;
  Staging::Header header_;
  core::Submitted work_;
  std::vector<std::uint64_t> hashes_;         ///< of fullnames, one a task
  std::vector<std::string> group_fullnames_;  ///< one a group
  core::PagedTable<core::Node> nodes_;        ///< by ref, which need not be dense
  std::vector<store::Group> new_groups_;      ///< not written yet
  std::vector<store::Task> new_tasks_;
  std::size_t written_edges_ = 0;
  std::string objects_;
  bool begun_ = false;  ///< the submission's row is written
  bool finished_ = false;
  std::optional<Error> broken_;
  Answer<SubmissionView> answer_;
};

}  // namespace cattino::engine
