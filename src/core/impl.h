// The inside of the scheduler: its state, and the functions that change it, by file:
//
//   scheduler.cc    the public face; one step from its event to its actions
//   submissions.cc  work comes in, is restored, and leaves
//   ranks.cc        the longest paths to the end
//   graph.cc        ends and their undoing, carried along edges and groups
//   lifecycle.cc    a task: queued, admitted, run
//   endings.cc      what becomes of it after an attempt: an end, a retry, a requeue
//   heads.cc        who starts now; reservations for those that cannot, and room made for them
//   throttles.cc    groups that limit how many run, or are paused
//   hooks.cc        on_start and on_end, of tasks and groups
//   line.cc         short tasks, started ahead of time behind running ones
//   verbs.cc        cancel, kill, resume, remove
//   explain.cc      why a task waits
//   estimate.cc     about when it will start
//   outlook.cc      whether it can go on without the user
//   invariants.cc   what must always be true
//
// What follows from a change is never done by recursion: it is queued as an Op and carried out by
// drain(), so that a chain of a million tasks costs no stack.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/pool.h"
#include "core/ready_queue.h"
#include "core/scheduler.h"
#include "core/shares.h"
#include "core/tables.h"

namespace cattino::core {

class Scheduler::Impl {
 public:
  explicit Impl(const Policy& policy)
      : pool_(policy.placement), shares_(policy.shares), policy_(policy) {}
  void step(Time now, const Event& event, Actions& actions);
  [[nodiscard]] std::vector<Problem> check(const Submitted& work) const;
  [[nodiscard]] Actions outstanding() const;
  [[nodiscard]] bool would_change(Verb verb, TaskId task) const;
  [[nodiscard]] Reason explain(TaskId task, Time forecast_at) const;
  [[nodiscard]] bool can_go_on(TaskId task, std::size_t& budget) const;
  [[nodiscard]] std::uint64_t setbacks() const { return setbacks_; }
  [[nodiscard]] Counts counts() const;
  [[nodiscard]] std::vector<Reserved> reservations() const;
  [[nodiscard]] std::vector<UserShare> shares(Time now) const { return shares_.known(now); }
  void check_invariants() const;

  [[nodiscard]] const Tables& tables() const { return tables_; }
  [[nodiscard]] const Pool& pool() const { return pool_; }

 private:
  /// A consequence that is still to be drawn.
  struct Op {
    enum class Kind : std::uint8_t {
      ended,    ///< the node ended: its edges and its group are told
      unended,  ///< it had ended (`was_ok`) and has not any more
      unblock,  ///< one thing less stands before the node
      block,    ///< one more
      died,     ///< an edge to it from `cause` can never be satisfied
      revived,  ///< that edge can be satisfied again
    };
    Kind kind = Kind::ended;
    NodeRef node;
    NodeRef cause;
    bool was_ok = false;
    Time at = {};  ///< when; for `ended` and `unblock`
  };

  /// The first ready task that does not fit; with a depth of more than one, those of other shapes after it.
  struct Head {
    TaskId task;
    std::optional<Reservation> reservation = std::nullopt;
    std::uint64_t version = 0;  ///< of the pool, when it was last tended
    bool looked = false;        ///< ahead, at that version
    bool making_room = false;   ///< others are being stopped for it
    Pool::Outlooks outlooks = {};
  };

  // scheduler.cc
  void ask_again(const TaskRecord& record, Actions& actions) const;
  void on(const AttemptStarted& event);
  void on(const AttemptExited& event);
  void on(const AttemptRecalled& event);
  void on(const HookEnded& event);
  void on(const HooksReset& event);
  void on(const HostObserved& event);
  void on(const CountersDeclared& event);
  void on(const SharesKnown& event);
  void on(const TimerFired& event);
  void on(const Requested& event);
  void on(const Paused& event);
  void on(const Submitted& event);
  void on(const Restored& event);
  void mark(TaskRecord& record);
  void mark(GroupRecord& record);
  void touch(Submission& submission);
  void flush(Actions& actions);
  [[nodiscard]] Time earliest_due() const;
  void arm(Actions& actions);
  void end_submissions(Actions& actions);

  // submissions.cc
  Submission& add(const Submitted& work);
  void add_tasks(Submission& submission, const Submitted& work);
  void add_groups(Submission& submission, const Submitted& work);
  void add_edges(Submission& submission, const Submitted& work);
  void close_gates(const Submitted& work);
  void settle_new(Submission& submission, const Submitted& work);
  void add_member(GroupId group, NodeRef member);
  void restore_running(TaskRecord& record);
  void drop(Submission& submission);

  // ranks.cc
  class Ranker;
  void rank(const Submitted& work);

  // graph.cc
  void drain();
  void carry_end(NodeRef node, Time at);
  void carry_unend(NodeRef node, bool was_ok);
  void unblock(NodeRef node, Time at);
  void block(NodeRef node);
  void died(NodeRef node, NodeRef cause);
  void revived(NodeRef node, NodeRef cause);
  void cancel_for(TaskRecord& record, NodeRef cause);
  void revive(TaskRecord& record, NodeRef cause);
  void reopen_if_empty(GroupRecord& record);
  void settle(GroupRecord& record);

  // lifecycle.cc
  void set_status(TaskRecord& record, TaskStatus status);
  void refresh(TaskRecord& record);
  [[nodiscard]] ReadyKey key_of(const TaskRecord& record) const;
  void wake();
  void admit(TaskRecord& record, const Allocation& allocation);
  void begin_attempt(TaskRecord& record, const Allocation& allocation);
  void start_process(TaskRecord& record);
  [[nodiscard]] static Hold hold_of(const TaskRecord& record);
  void take(const TaskRecord& record);
  void let_go(TaskRecord& record);
  void release(TaskRecord& record);
  void make_waiting(TaskRecord& record);
  TaskRecord* current(AttemptId attempt);

  // endings.cc
  /// What follows an attempt.
  struct Sequel {
    enum class Kind : std::uint8_t { end, preempted, requeued, retried, held };
    Kind kind = Kind::end;
    TaskStatus status = TaskStatus::waiting;
    Cause cause = Cause::none;
    Node cause_node = {};     ///< of an end by a dependency
    std::int64_t raised = 0;  ///< of a retry, as in TaskState
    [[nodiscard]] bool runs_again() const { return kind != Kind::end && kind != Kind::held; }
  };
  void finish(TaskRecord& record);
  [[nodiscard]] Sequel sequel_of(const TaskRecord& record) const;
  [[nodiscard]] Sequel wished_sequel_of(const TaskRecord& record) const;
  [[nodiscard]] Sequel failed(const TaskRecord& record, Cause cause) const;
  [[nodiscard]] static bool may_retry(const TaskRecord& record, Cause cause);
  [[nodiscard]] std::optional<std::int64_t> raised_request(const TaskRecord& record) const;
  void wait_again(TaskRecord& record, Duration backoff);
  void end(TaskRecord& record, TaskStatus status, Cause cause);

  // heads.cc
  void place();
  void place_open();
  void tend_heads();
  void tend(Head& head);
  void forget_versions(std::vector<Head>::iterator from);
  void look_ahead(Head& head);
  void make_room(Head& head);
  void settle_heads();
  void note_head(const TaskRecord& record);
  void drop_head(const TaskRecord& record);
  void note_reserved();
  void set_reserved(TaskRecord& record, std::uint32_t reserved);
  [[nodiscard]] bool is_before(const TaskRecord& a, const TaskRecord& b) const;
  [[nodiscard]] std::optional<Allocation> place_now(const TaskRecord& record) const;
  [[nodiscard]] bool takes_place_of_head(const TaskRecord& record) const;
  [[nodiscard]] bool must_wait_for_head(const TaskRecord& record) const;
  [[nodiscard]] Pool::Reserved reserved_before(const TaskRecord& record) const;
  [[nodiscard]] Time due_of(const Head& head) const;
  [[nodiscard]] const Head* head_of(TaskId task) const;
  void reopen(std::uint32_t host, bool counters);

  // throttles.cc
  [[nodiscard]] ShapeKey shape_of(const TaskRecord& record) const;
  void reshape(TaskRecord& record);
  void on_group_paused(GroupRecord& group, bool paused);
  [[nodiscard]] const GroupRecord* throttle_of(const TaskRecord& record) const;
  void count_running(const TaskRecord& record, bool more);
  void reopen_throttled();

  // line.cc
  void tend_lines();
  [[nodiscard]] bool may_lead(const TaskRecord& record) const;
  [[nodiscard]] bool may_follow(const TaskRecord& record);
  [[nodiscard]] TaskRecord* follower(const TaskRecord& record);
  [[nodiscard]] TaskRecord* end_of_line(TaskRecord& leader);
  bool lengthen(TaskRecord& leader);
  void join(TaskRecord& record, TaskRecord& front);
  void open_line(const TaskRecord& leader);
  void close_line(const TaskRecord& leader);
  bool step_up(TaskRecord& record);
  void leave_line(TaskRecord& record);
  void recall(TaskRecord& leader);
  void recall_all();
  void restore_lines();
  void note_run(const TaskRecord& record, const ExitStatus& status) const;

  // hooks.cc
  void advance(TaskRecord& record);
  void run_end_hook_or_finish(TaskRecord& record);
  [[nodiscard]] RunHook hook_of(const TaskRecord& record) const;
  [[nodiscard]] RunHook hook_of(const GroupRecord& record) const;
  void run_group_hook(GroupRecord& record, HookKind hook);
  void set_phase(GroupRecord& record, GroupPhase phase);
  bool have_hooks_run(const TaskRecord& record);
  void on_task_hook(TaskRecord& record, const HookEnded& event);
  void on_group_hook(GroupRecord& record, const HookEnded& event);
  void fail_inside(GroupRecord& record, const std::set<TaskId>& waiters);

  // verbs.cc
  [[nodiscard]] static bool would_change(Verb verb, const TaskState& state);
  void stop(TaskRecord& record, Cause cause);

  // explain.cc
  [[nodiscard]] Reserved describe(const Reservation& reservation) const;
  [[nodiscard]] Reason explain_waiting(const TaskRecord& record) const;
  [[nodiscard]] Reason explain_ready(const TaskRecord& record) const;
  void note_who_makes_room(Reason& reason) const;
  void note_reservation(const Head& head, Reason& reason) const;

  // estimate.cc
  [[nodiscard]] std::vector<TaskId> ready_before(
      const TaskRecord& record, const Shape& shape, std::size_t most) const;
  [[nodiscard]] std::optional<std::vector<TaskId>> ready_up_to(const TaskRecord& record) const;
  void note_start(const TaskRecord& record, Time now, Reason& reason) const;

  // invariants.cc
  struct Sums;
  [[nodiscard]] bool is_true(std::uint32_t host, TaskId task, const Hold& hold) const;
  void check_holds() const;
  void check_heads() const;
  void check_throttles() const;
  void check_tasks() const;
  void check_task(const TaskRecord& record, Sums& sums) const;
  void check_groups() const;
  void check_group(const GroupRecord& record) const;
  void check_edges() const;
  void check_links(NodeRef node) const;
  void check_queue() const;
  void check_lines() const;
  void check_neighbours(const TaskRecord& front, const TaskRecord& next) const;

  Tables tables_;
  Pool pool_;
  ReadyQueue queue_;
  Shares shares_;
  Policy policy_;
  std::vector<Head> heads_;                      ///< in the total order
  std::set<std::pair<Time, TaskId>> deadlines_;  ///< of running attempts with a time limit
  std::map<TaskId, TaskId> followers_;           ///< who is next behind whom
  std::set<std::pair<Time, TaskId>> lines_;      ///< by when they are recalled, and who is in front
  std::vector<TaskId> fresh_;                    ///< may lead a line since this step
  std::set<std::pair<Time, TaskId>> backing_off_;
  std::set<TaskId> running_;
  std::set<GroupId> hooking_;  ///< groups in phase start_hook or end_hook
  std::uint64_t waiting_ = 0;
  std::uint64_t setbacks_ = 0;
  bool paused_ = false;
  Time now_;
  Time armed_;

  // Within one step.
  bool quiet_ = false;    ///< Restored: states are as given, nothing is decided
  bool settled_ = false;  ///< the last event was followed by placement
  std::vector<Op> work_;
  std::vector<TaskId> dropped_heads_;
  std::vector<TaskRecord*> changed_tasks_;
  std::vector<GroupRecord*> changed_groups_;
  std::vector<Submission*> touched_;
  Actions effects_;
};

}  // namespace cattino::core
