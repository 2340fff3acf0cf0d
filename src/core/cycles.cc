// Cycles: depth first over a graph in which a task is one vertex and a group two, its start and its
// end: start(group) ─▶ members ─▶ end(group), and an edge (u, v) is end(u) ─▶ start(v).
#include "core/cycles.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

namespace cattino::core {
namespace {

class Search {
 public:
  Search(const Submitted& work, std::size_t most) : work_(work), most_(most) {
    for (std::size_t i = 0; i < work.tasks.size(); ++i) {
      task_places_.emplace_back(work.tasks[i].id.value, i);
    }
    for (std::size_t i = 0; i < work.groups.size(); ++i) {
      group_places_.emplace_back(work.groups[i].id.value, i);
    }
    std::sort(task_places_.begin(), task_places_.end());
    std::sort(group_places_.begin(), group_places_.end());
    colours_.resize(work.tasks.size() + 2 * work.groups.size(), Colour::white);
    link();
  }

  std::vector<std::vector<Node>> run() {
    for (std::size_t vertex = 0; vertex < colours_.size(); ++vertex) {
      if (colours_[vertex] == Colour::white) {
        walk_from(vertex);
      }
    }
    return std::move(found_);
  }

 private:
  enum class Colour : std::uint8_t { white, grey, black };
  using Places = std::vector<std::pair<std::uint64_t, std::size_t>>;
  using Arrow = std::pair<std::size_t, std::size_t>;

  struct Step {
    std::size_t vertex = 0;
    std::size_t next = 0;  ///< place in arrows_ of the arrow to follow next
  };

  static std::optional<std::size_t> place_of(const Places& places, std::uint64_t id) {
    const auto found = std::lower_bound(
        places.begin(), places.end(), std::pair<std::uint64_t, std::size_t>{id, 0});
    if (found == places.end() || found->first != id) {
      return std::nullopt;
    }
    return found->second;
  }

  [[nodiscard]] std::size_t group_start(std::size_t place) const {
    return work_.tasks.size() + 2 * place;
  }

  /// The vertex where the node starts, or the one where it ends.
  [[nodiscard]] std::optional<std::size_t> vertex_of(const Node& node, bool at_end) const {
    if (node.kind == Node::Kind::task) {
      return place_of(task_places_, node.id);
    }
    const std::optional<std::size_t> place = place_of(group_places_, node.id);
    if (node.kind != Node::Kind::group || !place.has_value()) {
      return std::nullopt;
    }
    return group_start(*place) + (at_end ? 1 : 0);
  }

  [[nodiscard]] Node node_of(std::size_t vertex) const {
    if (vertex < work_.tasks.size()) {
      return Node::of(work_.tasks[vertex].id);
    }
    return Node::of(work_.groups[(vertex - work_.tasks.size()) / 2].id);
  }

  void link() {
    for (std::size_t i = 0; i < work_.groups.size(); ++i) {
      arrows_.emplace_back(group_start(i), group_start(i) + 1);
      link_into(work_.groups[i].parent, Node::of(work_.groups[i].id));
    }
    for (const TaskSpec& task : work_.tasks) {
      link_into(task.group, Node::of(task.id));
    }
    for (const Edge& edge : work_.edges) {
      const std::optional<std::size_t> from = vertex_of(edge.from, true);
      const std::optional<std::size_t> to = vertex_of(edge.to, false);
      if (from.has_value() && to.has_value()) {
        arrows_.emplace_back(*from, *to);
      }
    }
    // Stable: an arrow straight to a group's end comes before those to its members.
    std::stable_sort(arrows_.begin(), arrows_.end(), [](const Arrow& a, const Arrow& b) {
      return a.first < b.first;
    });
  }

  void link_into(GroupId group, const Node& member) {
    const std::optional<std::size_t> place = place_of(group_places_, group.value);
    const std::optional<std::size_t> start = vertex_of(member, false);
    const std::optional<std::size_t> end = vertex_of(member, true);
    if (group && place.has_value() && start.has_value() && end.has_value()) {
      arrows_.emplace_back(group_start(*place), *start);
      arrows_.emplace_back(*end, group_start(*place) + 1);
    }
  }

  void enter(std::size_t vertex) {
    colours_[vertex] = Colour::grey;
    const auto first = std::lower_bound(
        arrows_.begin(), arrows_.end(), Arrow{vertex, 0}, [](const Arrow& a, const Arrow& b) {
          return a.first < b.first;
        });
    path_.push_back({vertex, static_cast<std::size_t>(first - arrows_.begin())});
  }

  void walk_from(std::size_t root) {
    enter(root);
    while (!path_.empty()) {
      Step& step = path_.back();
      if (step.next == arrows_.size() || arrows_[step.next].first != step.vertex) {
        colours_[step.vertex] = Colour::black;
        path_.pop_back();
        continue;
      }
      const std::size_t target = arrows_[step.next++].second;
      if (colours_[target] == Colour::white) {
        enter(target);
      } else if (colours_[target] == Colour::grey && found_.size() < most_) {
        report(target);
      }
    }
  }

  /// The path from `start` to its end is a cycle.
  void report(std::size_t start) {
    std::size_t first = path_.size();
    while (path_[first - 1].vertex != start) {
      --first;
    }
    std::vector<Node> cycle;
    for (std::size_t i = first - 1; i < path_.size(); ++i) {
      const Node node = node_of(path_[i].vertex);
      if (cycle.empty() || cycle.back() != node) {
        cycle.push_back(node);
      }
    }
    if (cycle.size() > 1 && cycle.front() == cycle.back()) {
      cycle.pop_back();
    }
    found_.push_back(std::move(cycle));
  }

  const Submitted& work_;
  std::size_t most_;
  Places task_places_;
  Places group_places_;
  std::vector<Arrow> arrows_;  ///< in order of where they come from
  std::vector<Colour> colours_;
  std::vector<Step> path_;
  std::vector<std::vector<Node>> found_;
};

}  // namespace

std::vector<std::vector<Node>> find_cycles(const Submitted& work, std::size_t most) {
  if (work.edges.empty()) {
    return {};
  }
  return Search(work, most).run();
}

}  // namespace cattino::core
