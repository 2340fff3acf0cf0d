// The engine: its parts, wired together.
#include "engine/engine.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/core.h>

#include "engine/departure.h"
#include "engine/draft.h"
#include "engine/effects.h"
#include "engine/feed.h"
#include "engine/history.h"
#include "engine/link.h"
#include "engine/observer.h"
#include "engine/presenter.h"
#include "engine/queries.h"
#include "engine/requests.h"
#include "engine/run_dir.h"
#include "engine/turn.h"
#include "engine/wait_requests.h"
#include "engine/waits.h"
#include "engine/world.h"
#include "host/channel.h"

namespace cattino::engine {

namespace {

/// The boot, and the clock's zero in it.
constexpr const char* clock_fact = "clock";

/// In the same boot the clock of the last daemon goes on, so that time limits and waits that have begun end
/// when they should, whatever was done to the wall clock.
sys::Clock continued_clock(store::Store& store) {
  const Result<std::string> stored = store.fact(clock_fact);
  const std::string boot = sys::boot_id() + " ";
  Time zero;
  if (stored && stored->starts_with(boot)) {
    std::from_chars(stored->data() + boot.size(), stored->data() + stored->size(), zero.us);
  }
  return zero ? sys::Clock::continued(zero) : sys::Clock{};
}

class DraftStaging final : public Staging {
 public:
  explicit DraftStaging(std::shared_ptr<Draft> draft) : draft_(std::move(draft)) {}
  DraftStaging(const DraftStaging&) = delete;
  DraftStaging& operator=(const DraftStaging&) = delete;
  ~DraftStaging() override {
    if (!finished_) {
      draft_->abandon();
    }
  }
  Status add_objects(std::string pickle) override { return draft_->add_objects(std::move(pickle)); }
  Status add(NewGroup group) override { return draft_->add(std::move(group)); }
  Status add(NewTask task) override { return draft_->add(std::move(task)); }
  Status add_edge(std::uint32_t from, std::uint32_t to, core::When when) override {
    return draft_->add_edge(from, to, when);
  }
  Status flush() override { return draft_->flush(); }
  void finish(std::uint64_t edges, Answer<SubmissionView> answer) override {
    finished_ = true;
    draft_->finish(edges, std::move(answer));
  }

 private:
  std::shared_ptr<Draft> draft_;
  bool finished_ = false;
};

class EngineImpl final : public Engine {
 public:
  EngineImpl(
      sys::Loop& loop,
      Options options,
      std::unique_ptr<store::Store> store,
      std::unique_ptr<store::Reader> reader,
      std::unique_ptr<devices::Probe> probe);
  EngineImpl(const EngineImpl&) = delete;
  EngineImpl& operator=(const EngineImpl&) = delete;
  ~EngineImpl() override;

  Status load();
  void connect(const Connect& connect);

  Result<std::unique_ptr<Staging>> stage(Staging::Header header) override;
  Result<std::optional<SubmissionView>> already_taken(const std::string& key) override;
  void list(ListQuery query, Answer<ListView> answer) override;
  void show(std::string reference, Answer<std::variant<DetailView, ListView>> answer) override;
  void request(core::Verb verb, Selection selection, Answer<Outcome> answer) override;
  std::unique_ptr<Handle> wait(WaitQuery query, Answer<WaitView> answer) override;
  std::unique_ptr<Handle> follow(
      std::uint64_t since, bool output, std::function<void(const FeedItem&)> item) override;
  void devices(Answer<DevicesView> answer) override;
  [[nodiscard]] HealthView health() const override;
  std::uint64_t end_unknown() override { return world_.end_unknown(); }
  void check_state(Answer<Done> answer) override;
  Status attach_host(SubmissionId submission, std::unique_ptr<host::Channel> channel) override;
  void leave(bool keep_tasks, Answer<std::uint64_t> answer) override;
  void on_leave(std::function<void(int)> callback) override;
  void touch() override { departure_.touch(); }

 private:
  void declare_resources();
  void restore(core::Restored restored);
  void observed(devices::Inventory inventory);
  void take_inventory();
  void turn_ended();
  void act(const core::Action& action);

  // The world is first: the parts refer to it, and go before it.
  mutable World world_;
  Feed feed_;
  Turn turn_;
  Effects effects_;
  Observer observer_;
  Waits waits_;
  WaitRequests wait_requests_;
  Departure departure_;
  History history_;
  Link link_;
  Requests requests_;
  std::shared_ptr<RunDirs> run_dirs_;
  std::optional<devices::Inventory> unseen_;  ///< came before the supervisor had told all
  Time started_;
};

EngineImpl::EngineImpl(
    sys::Loop& loop,
    Options options,
    std::unique_ptr<store::Store> store,
    std::unique_ptr<store::Reader> reader,
    std::unique_ptr<devices::Probe> probe)
    : world_(loop, std::move(options), std::move(store), std::move(reader)),
      feed_(
          {[this](TaskId task) { return world_.fullname_of(task); },
           [this] {
             world_.loop.post(world_.guarded([this] { turn_.tell(); }));
           }}),
      turn_(world_, feed_),
      effects_(world_, turn_, feed_),
      observer_(
          world_,
          std::move(probe),
          [this](devices::Inventory inventory) { observed(std::move(inventory)); }),
      waits_(
          world_, [this] { return departure_.quiet(); }, [this] { return !turn_.failing(); }),
      wait_requests_(world_, waits_),
      departure_({world_, turn_, effects_, feed_, waits_}),
      history_(world_, turn_),
      link_(world_, turn_, effects_, [this] { take_inventory(); }),
      requests_(world_, turn_, feed_),
      run_dirs_(std::make_shared<RunDirs>(world_.options.home)) {
  turn_.connect(
      {[this](const core::Action& action) { act(action); },
       [this](TaskId task, const core::TaskState& state) { waits_.changed(task, state); },
       [this] { turn_ended(); },
       [this] {
         departure_.fail();
       }});
}

EngineImpl::~EngineImpl() {
  world_.alive.reset();
  world_.client.reset();
}

// ---- the start --------------------------------------------------------------------------------------

Status EngineImpl::load() {
  world_.clock = continued_clock(*world_.store);
  for (const std::uint64_t key : world_.options.supervised) {
    // A process of another state: its key must not become one of this state's attempts.
    if (HostKey::is_host(key)) {
      world_.store->skip({}, HostKey::from_key(key).submission);
    } else {
      world_.store->skip(AttemptId::from_key(key).task, {});
    }
  }
  declare_resources();
  Time latest;
  bool counting = false;  // a time limit or a wait is running out
  Status loaded = world_.store->load_live([&, this](core::Restored restored) {
    for (const core::TaskState& state : restored.tasks) {
      latest = std::max({latest, state.started, state.ended});
      counting = counting || state.status == core::TaskStatus::running ||
                 state.not_before > world_.clock.now();
    }
    for (const core::TaskSpec& task : restored.work.tasks) {
      latest = std::max(latest, task.created);
    }
    restore(std::move(restored));
  });
  if (!loaded) {
    return loaded;
  }
  // Where no time is running out, a wall clock that was set forward is believed.
  world_.clock.advance_to(counting ? latest : std::max(latest, sys::wall_now()));
  turn_.changes().set_fact(
      clock_fact, fmt::format("{} {}", sys::boot_id(), world_.clock.zero().us));
  turn_.write_soon();
  started_ = world_.clock.now();
  departure_.touch();
  return world_.store->live_names([this](TaskId task, std::string_view fullname) {
    world_.names.add(LiveNames::hash(fullname), task);
  });
}

void EngineImpl::declare_resources() {
  core::CountersDeclared declared;
  for (const auto& [name, total] : world_.options.settings.resources) {
    declared.counters.push_back({name, total});
  }
  turn_.step(declared);
}

void EngineImpl::restore(core::Restored restored) {
  world_.had_work = true;
  for (std::size_t i = 0; i < restored.tasks.size(); ++i) {
    const core::TaskState& state = restored.tasks[i];
    const bool process = state.phase == core::TaskPhase::starting ||
                         state.phase == core::TaskPhase::process ||
                         state.phase == core::TaskPhase::stopping;
    if (state.status != core::TaskStatus::running || !process) {
      continue;
    }
    Running running;
    running.attempt = {restored.work.tasks[i].id, state.attempt};
    running.submission = restored.work.id;
    running.maybe_sent = true;
    running.restored = true;
    running.recorded = state.phase != core::TaskPhase::starting;  // one of a line may not be
    running.started = state.started;
    running.devices = state.allocation.devices;
    running.host = state.allocation.host;
    if (const Result<store::Task> task = world_.store->task(running.attempt.task)) {
      running.fullname = task->fullname;
      running.function = task->program.kind == store::ProgramKind::function;
    }
    world_.running.insert_or_assign(running.attempt.task, std::move(running));
  }
  turn_.step(std::move(restored));
}

void EngineImpl::connect(const Connect& connect) {
  supervisor::Handlers handlers = link_.handlers();
  handlers.refused = [this, refused = std::move(handlers.refused)](std::uint32_t version) {
    refused(version);
    observer_.give_up();
  };
  world_.client = connect(std::move(handlers));
  observer_.look();
}

void EngineImpl::observed(devices::Inventory inventory) {
  unseen_ = std::move(inventory);
  take_inventory();
}

/// The first inventory starts things, so it waits until the supervisor has told what runs already.
void EngineImpl::take_inventory() {
  if (!unseen_ || (!world_.inventory_known && !link_.synced())) {
    return;
  }
  const bool first = !world_.inventory_known;
  const std::string error_before = world_.inventory.error;
  world_.inventory = *std::exchange(unseen_, std::nullopt);
  world_.inventory_known = true;
  if (!first && world_.inventory.error != error_before) {
    FeedItem item;
    item.event = "devices";
    item.at = world_.clock.now();
    item.text = world_.inventory.error.empty()
                    ? "the devices answer again"
                    : "the devices do not answer: " + world_.inventory.error;
    feed_.add(std::move(item));
  }
  turn_.step(core::HostObserved{world_.inventory.host});
  if (first) {
    link_.reconcile();
    observer_.known();
  }
  turn_.end();
}

void EngineImpl::act(const core::Action& action) {
  effects_.act(action);
  if (std::holds_alternative<core::SubmissionEnded>(action)) {
    history_.submission_ended();
  }
}

void EngineImpl::turn_ended() {
  waits_.settle();
  const core::Scheduler::Counts counts = world_.core.counts();
  world_.names.sweep(
      counts.waiting + counts.running, [this](TaskId task) { return world_.is_live(task); });
  observer_.consider();
  departure_.consider();
  history_.consider();
}

// ---- new work ---------------------------------------------------------------------------------------

Result<std::unique_ptr<Staging>> EngineImpl::stage(Staging::Header header) {
  if (world_.leaving) {
    return Error{ErrorCode::unavailable, "the backend is leaving"};
  }
  if (!world_.supervisor_problem.empty()) {
    return world_.unusable_supervisor();
  }
  if (const Status possible = turn_.failing() ? turn_.fence() : ok(); !possible) {
    return possible.error();
  }
  DraftServices services{world_, turn_, observer_, run_dirs_, [this](SubmissionId id) {
                           return LiveViews(world_).submission(id);
                         }};
  Result<std::shared_ptr<Draft>> draft = Draft::begin(std::move(services), std::move(header));
  if (!draft) {
    return draft.error();
  }
  return std::unique_ptr<Staging>(std::make_unique<DraftStaging>(std::move(draft.value())));
}

Result<std::optional<SubmissionView>> EngineImpl::already_taken(const std::string& key) {
  const Result<SubmissionId> id = world_.store->submission_of_key(key);
  if (!id) {
    return id.error();
  }
  if (!id.value()) {
    return std::optional<SubmissionView>();
  }
  Result<SubmissionView> view = LiveViews(world_).submission(id.value());
  if (!view) {
    return view.error();
  }
  return std::optional<SubmissionView>(std::move(view.value()));
}

// ---- reading ----------------------------------------------------------------------------------------

void EngineImpl::list(ListQuery query, Answer<ListView> answer) {
  list_tasks(world_, std::move(query), std::move(answer));
}

void EngineImpl::show(std::string reference, Answer<std::variant<DetailView, ListView>> answer) {
  show_task(world_, std::move(reference), std::move(answer));
}

std::unique_ptr<Handle> EngineImpl::follow(
    std::uint64_t since, bool output, std::function<void(const FeedItem&)> item) {
  return feed_.follow(since, output, std::move(item));
}

void EngineImpl::devices(Answer<DevicesView> answer) {
  observer_.when_known(true, [this, answer = std::move(answer)](bool /*known*/) {
    answer(LiveViews(world_).devices());  // it tells if there is nothing to tell
  });
}

HealthView EngineImpl::health() const {
  HealthView view;
  view.guardian = world_.options.guardian_pid;
  view.supervisor = world_.options.supervisor_pid;
  view.started = started_;
  view.home = world_.options.home;
  view.state = world_.options.state;
  const core::Scheduler::Counts counts = world_.core.counts();
  view.waiting = counts.waiting;
  view.running = counts.running;
  for (const auto& [key, unknown] : world_.unknown) {
    view.unknown.push_back(unknown);
  }
  return view;
}

void EngineImpl::check_state(Answer<Done> answer) {
  world_.read<Status>(
      [](store::Reader& reader) { return reader.check(); },
      [this, answer = std::move(answer)](const Status& sound) {
        if (!sound && sound.error().code == ErrorCode::corrupt) {
          departure_.fail();  // the next daemon refuses it, and can set it aside
        }
        answer(sound);
      });
}

// ---- the rest ---------------------------------------------------------------------------------------

std::unique_ptr<Handle> EngineImpl::wait(WaitQuery query, Answer<WaitView> answer) {
  return wait_requests_.wait(std::move(query), std::move(answer));
}

void EngineImpl::request(core::Verb verb, Selection selection, Answer<Outcome> answer) {
  requests_.request(verb, std::move(selection), std::move(answer));
}

Status EngineImpl::attach_host(SubmissionId submission, std::unique_ptr<host::Channel> channel) {
  const store::Submission* known = world_.submission(submission);
  if (known == nullptr) {
    return Error{ErrorCode::not_found, fmt::format("there is no submission {}", submission.value)};
  }
  effects_.hosts().attach(submission, std::move(channel));
  turn_.end_soon();
  return ok();
}

void EngineImpl::leave(bool keep_tasks, Answer<std::uint64_t> answer) {
  departure_.leave(keep_tasks, std::move(answer));
}

void EngineImpl::on_leave(std::function<void(int)> callback) {
  departure_.on_leave(std::move(callback));
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::start(
    sys::Loop& loop,
    Options options,
    std::unique_ptr<store::Store> store,
    std::unique_ptr<devices::Probe> probe,
    const Connect& connect) {
  Result<std::unique_ptr<store::Reader>> reader = store::Reader::open(options.state + "/state.db");
  if (!reader) {
    return reader.error();
  }
  auto engine = std::make_unique<EngineImpl>(
      loop, std::move(options), std::move(store), std::move(reader.value()), std::move(probe));
  if (const Status loaded = engine->load(); !loaded) {
    return loaded.error();
  }
  engine->connect(connect);
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace cattino::engine
