// Groups, tasks and edges of a scenario: see read_work.h.
#include "sim/read_work.h"

#include <optional>
#include <utility>

#include <fmt/core.h>

#include "sim/read_request.h"

namespace cattino::sim {
namespace {

class WorkReader {
 public:
  WorkReader(Words& words, Draft& draft)
      : words_(words),
        scenario_(draft.scenario),
        names_(draft.names),
        ids_(draft.ids),
        batch_(draft.batch) {}

  Status read_group() {
    core::GroupSpec spec;
    spec.id = {++ids_.group};
    GroupPlay play;
    play.name = words_.take();
    if (Status status = names_.add(play.name, core::Node::of(spec.id)); !status) {
      return status;
    }
    while (words_.more()) {
      const std::string what = words_.take();
      std::optional<Status> status = read_shared(what, play.hooks, spec.hooks);
      if (!status.has_value()) {
        status = what == "in"     ? read_parent(spec.parent)
                 : what == "most" ? words_.take_whole(spec.max_parallel)
                                  : Status(wrong(fmt::format("a group has no '{}'", what)));
      }
      if (!*status) {
        return *status;
      }
    }
    batch_.groups.push_back(spec);
    scenario_.groups[spec.id] = std::move(play);
    return ok();
  }

  Status read_task() {
    core::TaskSpec spec;
    spec.id = {++ids_.task};
    spec.request.min_devices = 0;
    TaskPlay play;
    play.name = words_.take();
    if (Status status = names_.add(play.name, core::Node::of(spec.id)); !status) {
      return status;
    }
    while (words_.more()) {
      const std::string what = words_.take();
      std::optional<Status> status = read_shared(what, play.hooks, spec.hooks);
      if (!status.has_value()) {
        status = read_request(what, words_, spec);
      }
      if (!status.has_value()) {
        status = read_other(what, spec, play);
      }
      if (!*status) {
        return *status;
      }
    }
    batch_.tasks.push_back(spec);
    scenario_.tasks[spec.id] = std::move(play);
    return ok();
  }

  Status read_edge() {
    const std::string from = words_.take();
    if (words_.take() != "->") {
      return wrong("an edge is written: edge FROM -> TO [any|fail]");
    }
    const Result<core::Node> to = names_.node(words_.take());
    if (!to) {
      return to.error();
    }
    return add_edge(from, *to, words_.take());
  }

 private:
  Status read_hooks(core::Hooks& hooks) {
    for (const std::string& which : split(words_.take(), ',')) {
      if (which != "start" && which != "end") {
        return wrong(fmt::format("'{}' is no hook: start, end", which));
      }
      (which == "start" ? hooks.on_start : hooks.on_end) = true;
    }
    return ok();
  }

  Status read_parent(GroupId& group) {
    return words_.take_as(group, [this](const std::string& name) { return names_.group(name); });
  }

  /// What tasks and groups have in common; nothing if the word is none of these.
  std::optional<Status> read_shared(const std::string& what, HookPlay& play, core::Hooks& hooks) {
    if (what == "hooks") {
      return read_hooks(hooks);
    }
    if (what == "hook-time") {
      return words_.take_duration(play.takes);
    }
    if (what == "start-raises") {
      play.start_raises = true;
      return ok();
    }
    if (what == "end-raises") {
      play.end_raises = true;
      return ok();
    }
    return std::nullopt;
  }

  Status read_other(const std::string& what, core::TaskSpec& spec, TaskPlay& play) {
    if (what == "runs") {
      return words_.take_duration(play.runs);
    }
    if (what == "stops-in") {
      return words_.take_duration(play.stops_in);
    }
    if (what == "in") {
      return read_parent(spec.group);
    }
    if (what == "exits") {
      return read_exits(play.exits);
    }
    if (what == "after") {
      return read_after(core::Node::of(spec.id));
    }
    return wrong(fmt::format("a task has no '{}'", what));
  }

  Status read_exits(std::vector<AttemptEnd>& exits) {
    for (const std::string& text : split(words_.take(), ',')) {
      const Result<AttemptEnd> status = parse_exit(text);
      if (!status) {
        return status.error();
      }
      exits.push_back(*status);
    }
    return ok();
  }

  Status add_edge(const std::string& from, core::Node to, const std::string& when) {
    const Result<core::Node> source = names_.node(from);
    if (!source) {
      return source.error();
    }
    const Result<core::When> parsed = parse_when(when);
    if (!parsed) {
      return parsed.error();
    }
    batch_.edges.push_back({*source, to, *parsed});
    return ok();
  }

  Status read_after(core::Node to) {
    for (const std::string& text : split(words_.take(), ',')) {
      const std::size_t colon = text.find(':');
      const std::string when = colon == std::string::npos ? "" : text.substr(colon + 1);
      if (Status status = add_edge(text.substr(0, colon), to, when); !status) {
        return status;
      }
    }
    return ok();
  }

  Words& words_;
  Scenario& scenario_;
  Names& names_;
  LastIds& ids_;
  core::Submitted& batch_;
};

}  // namespace

Status read_group(Words& words, Draft& draft) {
  return WorkReader(words, draft).read_group();
}

Status read_task(Words& words, Draft& draft) {
  return WorkReader(words, draft).read_task();
}

Status read_edge(Words& words, Draft& draft) {
  return WorkReader(words, draft).read_edge();
}

}  // namespace cattino::sim
