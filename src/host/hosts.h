// The Python hosts of all submissions: starts them when they are needed, sends them calls, repeats the
// calls that were not answered, replaces hosts that died.
//
// The life of a submission's host:
//
//   absent ──call──▶ starting ──attach──▶ attached ──exited──▶ absent
//                       └──────exited──────▶ absent
//
// A call is known by its text and kept until it is answered; while one is kept and the host is absent,
// the next generation is started. A host that dies three times in a row before it connects, or three
// times over the same call, fails the calls: else a hook that kills its interpreter would loop for ever.
//
// A host ends a hook that takes longer than it may, and speaks whenever a hook begins or ends. So one that
// has begun hooks, and is silent for longer than any of these may take, hangs (a hook blocks it, or it was
// stopped): it is ended, the hooks that it had begun fail, and the next one gets the others. One that has
// begun none (it loads the objects, or it begins functions) is not blamed before the second one in a row is
// as silent.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/exit_status.h"
#include "base/ids.h"
#include "base/time.h"
#include "host/channel.h"
#include "host/lines.h"

namespace cattino::host {

/// What the hosts need from their owner, and tell it. Called on the loop's thread, also from within
/// `call`, `attach` and `exited`.
struct Handlers {
  std::function<void(HostKey)> start;                     ///< have the supervisor start this host
  std::function<std::string(SubmissionId)> introduction;  ///< the objects line
  std::function<void(const std::string& call, bool ok, const std::string& error)> hook_done;
  std::function<void(const std::string& call, const std::string& error)> run_failed;
  std::function<void(const std::string& call, const std::string& text)> printed;
  /// No host can be had for this call, a hook or a run: nobody has told the user yet.
  std::function<void(const std::string& call, const std::string& why)> gave_up;
  /// A host that had loaded the objects is gone: the next one begins with them as they were submitted.
  std::function<void(SubmissionId)> objects_lost;
  std::function<Time()> now;              ///< of a clock that never goes back
  std::function<void(Time)> due_changed;  ///< `end_hung` is due then, if not before
  std::function<void(HostKey)> abort;     ///< this host hangs: have it ended
};

class Hosts {
 public:
  static constexpr int deaths_allowed = 3;
  /// For a host to say that a hook took too long.
  static constexpr Duration patience = Duration::seconds(5);
  /// For a host to load the objects, if hooks may not take longer than that anyway.
  static constexpr Duration loading = Duration::seconds(600);
  static constexpr int mutes_allowed = 1;

  explicit Hosts(Handlers handlers);

  /// Asks for a hook or a run (`line` as of lines.h), which may take as long as `limit` (0: any time). A
  /// call that is kept already is not sent again.
  void call(
      SubmissionId submission, const std::string& call, std::string line, Duration limit = {});
  /// A run call is answered by its process becoming known, or its end.
  void answered(SubmissionId submission, const std::string& call);
  /// Nobody needs the hook any more: from now on it may take so long.
  void hurry(SubmissionId submission, const std::string& call, Duration at_most);
  void hurry_all(Duration at_most);
  void attach(SubmissionId submission, std::unique_ptr<Channel> channel);

  /// The supervisor reports that this host lives.
  void started(HostKey key);
  void exited(HostKey key, const ExitStatus& status);
  /// After the supervisor has told all it knows: hosts that it does not know are gone.
  void forget_unknown();
  void expect_report();  ///< the supervisor is about to tell all it knows

  /// When `end_hung` is to be called; 0: never.
  [[nodiscard]] Time due() const;
  /// Ends the hosts that hang.
  void end_hung();

  /// Nothing is left to do for this submission.
  void leave(SubmissionId submission);
  void leave_all();

  [[nodiscard]] bool any_alive() const;
  /// Is a call open?
  [[nodiscard]] bool busy() const;

 private:
  struct Call {
    std::string line;
    Duration limit;
    std::optional<Duration> at_most;  ///< it was hurried
    int deaths = 0;
    bool sent = false;
    bool begun = false;
    bool hung = false;  ///< its host hangs over it
  };
  struct Host {
    std::uint32_t generation = 0;
    bool alive = false;      ///< a process was asked for or is known
    bool reported = false;   ///< by the supervisor, since the last expect_report
    bool connected = false;  ///< this generation has been attached once
    bool leaving = false;
    bool told_to_leave = false;
    bool works = false;  ///< this generation has begun or done something
    bool hangs = false;  ///< this generation is being ended for it
    int deaths = 0;      ///< in a row, before a connection
    Time heard;          ///< when it last showed that it lives, or was asked for something
    std::unique_ptr<Channel> channel;
    std::map<std::string, Call> calls;
    bool hurried = false;                  ///< we are about to leave: no time for loading
    int mutes = 0;                         ///< generations in a row that hung and had begun nothing
    std::multiset<Duration> limits;        ///< of calls that have not begun
    std::multiset<Duration> begun_limits;  ///< of those that have: only these can hold it up
  };

  void start_next(SubmissionId submission, Host& host) const;
  void take(SubmissionId submission, std::string_view line);
  void begun(Host& host, const std::string& call, std::optional<Duration> limit) const;
  void hurry(Host& host, const std::string& name, Call& call, Duration at_most) const;
  static void set_limit(Host& host, Call& call, Duration limit, bool begun);
  static void note_work(Host& host);
  void heard(Host& host) const;
  static std::multiset<Duration>& limits_of(Host& host, const Call& call);
  bool forget(Host& host, const std::string& call) const;
  static Time due_of(const Host& host);
  static void blame(Host& host);
  static bool any_begun(const Host& host) { return !host.begun_limits.empty(); }
  void leave_if_over(SubmissionId submission);
  void disconnected(SubmissionId submission);
  void died(SubmissionId submission, const std::string& how);
  void fail_calls(
      Host& host, const std::string& why, const std::function<bool(const Call&)>& fails) const;

  Handlers handlers_;
  std::unordered_map<SubmissionId, Host> hosts_;
};

}  // namespace cattino::host
