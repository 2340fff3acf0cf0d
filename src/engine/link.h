// The connection to the supervisor: its reports become events; after each Welcome…Synced what is stored
// and what it knows are brought together.
//
// After Synced, for each attempt that should have a process and that it did not report:
//   phase starting, never sent by anybody  → sent (again)
//   phase starting, the supervisor knows   → sent again: it was never begun
//   otherwise                              → lost
// It knows all that was begun if it has the journal of this boot (Welcome is complete), or if its guardian
// is the one under which all that is stored was sent.
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "engine/effects.h"
#include "engine/turn.h"
#include "engine/world.h"

namespace cattino::engine {

class Link {
 public:
  Link(World& world, Turn& turn, Effects& effects, std::function<void()> synced);

  supervisor::Handlers handlers();

  /// Brings together, once the supervisor has told all it knows and the devices are known. Called by
  /// itself after Synced, and by the owner after the first inventory.
  void reconcile();

  [[nodiscard]] bool synced() const { return synced_; }

 private:
  void received(const supervisor::FromSupervisor& message);
  void welcome(const supervisor::Welcome& message);
  void started(const supervisor::Started& message);
  void exited(const supervisor::Exited& message);
  void note_what_is_free(AttemptId attempt, const supervisor::Started& message);
  void recalled(const supervisor::Recalled& message);
  void record_pid(Running& running);
  void record_starts();
  void all_told();
  void lose(Running& running);
  void replace_if_idle();

  World& world_;
  Turn& turn_;
  Effects& effects_;
  std::function<void()> when_synced_;
  std::unordered_set<std::uint64_t> reported_;  ///< keys, since the last Welcome
  std::vector<AttemptId> unrecorded_;           ///< began, in a line; not in the store yet
  std::string life_;                            ///< boot and guardian
  bool knows_all_ = false;                      ///< what was not told of was never begun
  bool synced_ = false;
  bool reconciled_ = false;
  bool outdated_ = false;  ///< the supervisor is of another version: it makes way when nothing runs
  bool replaced_ = false;  ///< once is enough: whoever came then is what there is
};

}  // namespace cattino::engine
