// What users ask of tasks: cancel, kill, resume, remove.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "engine/select.h"
#include "engine/turn.h"
#include "engine/world.h"

namespace cattino::engine {

class Requests {
 public:
  Requests(World& world, Turn& turn, Feed& feed) : world_(world), turn_(turn), feed_(feed) {}

  void request(core::Verb verb, Selection selection, Answer<Outcome> answer);

 private:
  /// What the selected tasks come to. The rows are those of the selection.
  struct Sorted {
    std::vector<TaskId> stepped;                 ///< for the core
    std::vector<const store::TaskRow*> changed;  ///< those, and what is only hidden
    std::vector<UnchangedTask> unchanged;        ///< at most as many as an answer lists
  };

  void apply(core::Verb verb, const Selected& selected, const Answer<Outcome>& answer);
  Status prepare(core::Verb verb, const Selected& selected);
  [[nodiscard]] Sorted sort(core::Verb verb, const Selected& selected) const;
  [[nodiscard]] std::string name_taken(
      const store::TaskRow& row, std::set<std::string>& resumed) const;
  [[nodiscard]] ChangedTask shown_after(core::Verb verb, const store::TaskRow& row) const;
  Status bring_back(const Selected& selected);
  [[nodiscard]] std::string why_not(core::Verb verb, const store::TaskRow& row) const;
  void hide(const store::TaskRow& row);

  World& world_;
  Turn& turn_;
  Feed& feed_;
};

}  // namespace cattino::engine
