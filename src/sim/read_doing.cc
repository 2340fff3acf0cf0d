// What happens in a scenario: see read_doing.h.
#include "sim/read_doing.h"

#include <utility>

#include <fmt/core.h>

namespace cattino::sim {
namespace {

class DoingReader {
 public:
  DoingReader(Words& words, Draft& draft)
      : words_(words), scenario_(draft.scenario), names_(draft.names) {}

  Status read() {
    Doing doing;
    if (Status status = words_.take_duration(doing.at); !status) {
      return status;
    }
    const std::string what = words_.take();
    Status status = ok();
    if (what == "pause" || what == "continue") {
      doing.kind = Doing::Kind::pause;
      doing.paused = what == "pause";
      status = read_groups(doing);
    } else if (what == "restart") {
      doing.kind = Doing::Kind::restart;
    } else if (read_verb(what, doing)) {
      status = read_tasks(doing);
    } else {
      status = read_device_doing(what, doing);
    }
    scenario_.doings.push_back(std::move(doing));
    return status;
  }

 private:
  static bool read_verb(const std::string& what, Doing& doing) {
    doing.kind = what == "why" ? Doing::Kind::why : Doing::Kind::ask;
    if (what == "cancel") {
      doing.verb = core::Verb::cancel;
    } else if (what == "kill") {
      doing.verb = core::Verb::kill;
    } else if (what == "resume") {
      doing.verb = core::Verb::resume;
    } else if (what == "remove") {
      doing.verb = core::Verb::remove;
    } else {
      return what == "why";
    }
    return true;
  }

  Status read_groups(Doing& doing) {
    while (words_.more()) {
      const Result<GroupId> group = names_.group(words_.take());
      if (!group) {
        return group.error();
      }
      doing.groups.push_back(*group);
    }
    return ok();
  }

  Status read_tasks(Doing& doing) {
    while (words_.more()) {
      const Result<TaskId> task = names_.task(words_.take());
      if (!task) {
        return task.error();
      }
      doing.tasks.push_back(*task);
    }
    return ok();
  }

  Status read_device_doing(const std::string& what, Doing& doing) {
    doing.kind = Doing::Kind::device;
    doing.device = words_.take();
    if (what == "drain") {
      doing.health = core::DeviceHealth::drained;
    } else if (what == "lose") {
      doing.health = core::DeviceHealth::lost;
    } else if (what == "hide") {
      doing.health = core::DeviceHealth::unknown;
    } else if (what == "strangers") {
      doing.strangers_change = true;
      if (Status status = words_.take_mib(doing.strangers); !status) {
        return status;
      }
    } else if (what != "heal") {
      return wrong(fmt::format("'{}' is nothing that can be done", what));
    }
    if (!names_.has_device(doing.device)) {
      return wrong(fmt::format("no device is called '{}'", doing.device));
    }
    return ok();
  }

  Words& words_;
  Scenario& scenario_;
  Names& names_;
};

}  // namespace

Status read_doing(Words& words, Draft& draft) {
  return DoingReader(words, draft).read();
}

}  // namespace cattino::sim
