// Syncs of the log and checkpoints, off the deciding thread.
#include "store/durability.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/limits.h"
#include "sys/faults.h"

namespace cattino::store {

namespace {

constexpr int slow_sync_ms = 300;  ///< how long a sync takes that a test delays

}  // namespace

Durability::Durability(const std::string& path, sys::Loop& loop)
    : loop_(loop),
      path_(path),
      alive_(std::make_shared<int>(0)),
      syncer_("store-sync"),
      checkpointer_("store-move") {}

Durability::~Durability() = default;

void Durability::committed(std::int64_t log_pages) {
  ++commits_;
  if (log_pages < log_pages_) {
    moved_at_pages_ = 0;  // the log was started over
  }
  log_pages_ = log_pages;
  if (!checkpointing_ && log_pages_ - moved_at_pages_ >= checkpoint_pages) {
    start_checkpoint();
  }
}

void Durability::on_loop(std::function<void()> call) {
  loop_.post([alive = std::weak_ptr<int>(alive_), call = std::move(call)] {
    if (!alive.expired()) {
      call();
    }
  });
}

void Durability::sync(std::function<void(Status)> synced) {
  if (syncing_) {
    (covered_ == commits_ ? in_flight_ : waiting_).push_back(std::move(synced));
    return;
  }
  if (synced_ == commits_ || !broken_) {
    on_loop([synced = std::move(synced), result = broken_] { synced(result); });
    return;
  }
  waiting_.push_back(std::move(synced));
  start_sync();
}

void Durability::start_sync() {
  syncing_ = true;
  covered_ = commits_;
  in_flight_ = std::exchange(waiting_, {});
  syncer_.post([this] {
    Status result = sync_log();
    on_loop([this, result = std::move(result)] { end_sync(result); });
  });
}

void Durability::end_sync(const Status& result) {
  syncing_ = false;
  Callbacks done = std::exchange(in_flight_, {});
  if (result) {
    synced_ = covered_;
  } else {
    broken_ = result;
    std::move(waiting_.begin(), waiting_.end(), std::back_inserter(done));
    waiting_.clear();
  }
  if (!waiting_.empty()) {
    start_sync();
  }
  answer(done, result);
}

// One of those who wait may close the store.
void Durability::answer(const Callbacks& callbacks, const Status& result) {
  const std::weak_ptr<int> alive = alive_;
  for (const auto& callback : callbacks) {
    if (!alive.expired()) {
      callback(result);
    }
  }
}

// POSIX locks are on the database and its -shm only: closing this descriptor drops none.
Status Durability::sync_log() {
  if (sys::fault_fails("store.slow-sync")) {
    (void)::poll(nullptr, 0, slow_sync_ms);
  }
  if (sys::fault_fails("store.unsynced")) {
    return system_error("sync", path_, EIO);
  }
  const std::string path = path_ + "-wal";
  struct stat there = {};
  struct stat ours = {};
  if (stat(path.c_str(), &there) != 0) {
    return system_error("sync", path, errno);
  }
  if (!log_ || fstat(log_.get(), &ours) != 0 || ours.st_ino != there.st_ino ||
      ours.st_dev != there.st_dev) {
    log_.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!log_) {
      return system_error("sync", path, errno);
    }
  }
  if (fdatasync(log_.get()) != 0) {
    return system_error("sync", path, errno);
  }
  return ok();
}

void Durability::start_checkpoint() {
  checkpointing_ = true;
  checkpointer_.post([this] {
    move_log();
    on_loop([this] { end_checkpoint(); });
  });
}

void Durability::end_checkpoint() {
  checkpointing_ = false;
  moved_at_pages_ = log_pages_;
}

// A checkpoint that fails is tried again when the log has grown: nothing is lost by it.
void Durability::move_log() {
  if (!connection_) {
    auto opened = Connection::open(path_, Connection::Mode::write);
    if (!opened) {
      return;
    }
    connection_ = std::move(*opened);
    connection_->tidy_on_close(false);
    connection_->wait_when_busy(checkpoint_patience_ms);
    // A connection that has read nothing does not know of the log, and would move nothing.
    (void)connection_->number("PRAGMA user_version");
  }
  auto log = connection_->checkpoint(Connection::Checkpoint::passive);
  if (log && log->pages >= restart_pages) {
    // What was written meanwhile keeps the log from being started over; this waits for a gap.
    (void)connection_->checkpoint(Connection::Checkpoint::restart);
  }
}

}  // namespace cattino::store
