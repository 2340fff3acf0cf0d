// What makes commits survive a power cut, off the deciding thread: syncs of the log, one for all who
// wait, and checkpoints. The members belong to the loop's thread; the threads here only make the calls
// that block.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/sqlite.h"
#include "sys/fd.h"
#include "sys/loop.h"

namespace cattino::store {

class Durability {
 public:
  Durability(const std::string& path, sys::Loop& loop);
  ~Durability();
  Durability(const Durability&) = delete;
  Durability& operator=(const Durability&) = delete;

  /// After each commit, with the pages that are in the log.
  void committed(std::int64_t log_pages);

  /// Calls back on the loop when all commits so far are on disk. Never from within; never after this
  /// object is gone. A sync that failed fails all later ones: nobody knows what the disk has.
  void sync(std::function<void(Status)> synced);

 private:
  using Callbacks = std::vector<std::function<void(Status)>>;

  /// Posts to the loop what is only done while this object is there. From any of the threads here.
  void on_loop(std::function<void()> call);
  void start_sync();
  void end_sync(const Status& result);
  void answer(const Callbacks& callbacks, const Status& result);
  void start_checkpoint();
  void end_checkpoint();
  Status sync_log();  ///< on syncer_
  void move_log();    ///< on checkpointer_

  sys::Loop& loop_;
  const std::string path_;

  std::uint64_t commits_ = 1;  ///< 1: what an earlier life left unsynced
  std::uint64_t synced_ = 0;
  std::uint64_t covered_ = 0;  ///< commits that the sync under way covers
  bool syncing_ = false;
  Callbacks waiting_;    ///< for the next sync
  Callbacks in_flight_;  ///< for the one under way
  Status broken_ = ok();
  std::int64_t log_pages_ = 0;
  std::int64_t moved_at_pages_ = 0;  ///< pages in the log at the last checkpoint
  bool checkpointing_ = false;

  sys::Fd log_;                             ///< of syncer_
  std::unique_ptr<Connection> connection_;  ///< of checkpointer_
  std::shared_ptr<int> alive_;              ///< what is posted to the loop checks it

  sys::Worker syncer_;
  sys::Worker checkpointer_;
};

}  // namespace cattino::store
