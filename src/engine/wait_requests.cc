// Waits that clients hold.
#include "engine/wait_requests.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/presenter.h"
#include "engine/select.h"

namespace cattino::engine {

namespace {

constexpr std::size_t most_shown = 1000;
constexpr int most_tries = 10;

/// On the reader's thread.
std::vector<TaskView> read_views(
    store::Reader& reader,
    const store::Filter& filter,
    const std::vector<std::string>& device_names) {
  if (filter.ids.empty()) {
    return {};
  }
  Result<store::Listing> listing = reader.list(filter);
  if (!listing) {
    return {};
  }
  Selected selected;
  selected.tasks = std::move(listing->tasks);
  selected.groups = std::move(listing->groups);
  return SnapshotViews(reader, device_names).tasks(selected);
}

WaitView view_of(const Waits::Ended& ended, std::vector<TaskView> tasks) {
  WaitView view;
  view.outcome = ended.outcome;
  view.counts = ended.counts;
  std::copy_if(
      tasks.begin(), tasks.end(), std::back_inserter(view.stuck), [&ended](const TaskView& task) {
        return std::binary_search(ended.stuck.begin(), ended.stuck.end(), task.row.task.spec.id);
      });
  view.tasks = std::move(tasks);
  return view;
}

}  // namespace

/// May outlive the engine.
struct WaitRequests::Request {
  std::weak_ptr<bool> engine;
  WaitQuery query;
  Answer<WaitView> answer;
  std::uint64_t number = 0;  ///< in Waits; 0: its tasks are being looked up, or it is over
  int tries = 0;
  bool gone = false;  ///< nobody wants the answer any more
};

class WaitRequests::Held final : public Handle {
 public:
  Held(Shared request, Waits& waits) : request_(std::move(request)), waits_(waits) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() override {
    request_->gone = true;
    if (request_->number != 0 && !request_->engine.expired()) {
      waits_.remove(request_->number);
    }
  }

 private:
  Shared request_;
  Waits& waits_;
};

std::unique_ptr<Handle> WaitRequests::wait(WaitQuery query, Answer<WaitView> answer) {
  auto request = std::make_shared<Request>();
  request->engine = world_.alive;
  request->query = std::move(query);
  request->answer = std::move(answer);
  look_up(request);
  return std::make_unique<Held>(std::move(request), waits_);
}

void WaitRequests::look_up(const Shared& request) {
  SelectOptions options;
  if (request->query.selection.match.empty()) {
    options.statuses = {core::TaskStatus::waiting, core::TaskStatus::running};
  }
  world_.read<Result<Selected>>(
      [selection = request->query.selection, options](store::Reader& reader) {
        return select(reader, selection, options);
      },
      [this, request](const Result<Selected>& selected) {
        if (request->gone) {
          return;
        }
        if (selected) {
          looked_up(request, selected.value());
        } else {
          request->answer(selected.error());
        }
      });
}

void WaitRequests::looked_up(const Shared& request, const Selected& selected) {
  std::vector<Waits::Wanted> tasks;
  tasks.reserve(selected.tasks.size());
  for (const store::TaskRow& row : selected.tasks) {
    const TaskId id = row.task.spec.id;
    const bool ended_since = !core::has_ended(row.state.status) && world_.core.state(id) == nullptr;
    if (ended_since && request->tries < most_tries) {
      ++request->tries;
      look_up(request);
      return;
    }
    tasks.push_back({id, row.state.status});
  }
  request->number =
      waits_.add(tasks, request->query.timeout, [this, request](const Waits::Ended& ended) {
        request->number = 0;
        answer(ended, request->answer);
      });
}

void WaitRequests::answer(const Waits::Ended& ended, const Answer<WaitView>& answer) {
  if (ended.abandoned) {
    answer(Error{
        ErrorCode::unavailable,
        "the backend was ended meanwhile",
        {},
        "what waits goes on when it is started again"});
    return;
  }
  store::Filter filter;
  filter.hidden = true;
  filter.limit = most_shown;
  filter.ids = ended.tasks;
  if (filter.ids.size() > most_shown) {
    filter.ids.resize(most_shown);
  }
  world_.read<std::vector<TaskView>>(
      [filter, names = world_.device_names()](store::Reader& reader) {
        return read_views(reader, filter, names);
      },
      [this, ended, answer](std::vector<TaskView> views) {
        LiveViews(world_).complete(views, true);
        answer(view_of(ended, std::move(views)));
      });
}

}  // namespace cattino::engine
