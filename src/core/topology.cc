// Choosing devices that are near each other.
//
// The best subset is found greedily, once from each device as the first: a group grows by the device that
// is nearest to what it has. That is exact for islands (sets within which all are equally near), which is
// what machines are made of.
#include "core/topology.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

namespace cattino::core {
namespace {

class Chooser {
 public:
  Chooser(
      const Host& host,
      const std::vector<std::uint16_t>& certain,
      const std::vector<std::uint16_t>& open)
      : host_(host), certain_(certain), open_(open) {}

  std::vector<std::uint16_t> choose(std::size_t wanted) const {
    Choice best;
    for (const std::uint16_t first : open_) {
      Choice choice = grow(first, wanted);
      if (best.devices.empty() || choice.rank() < best.rank()) {
        best = std::move(choice);
      }
    }
    return best.devices;
  }

 private:
  struct Choice {
    std::int64_t within = 0;  ///< distances between those chosen
    std::int64_t apart = 0;   ///< distances between these and those left
    std::vector<std::uint16_t> devices;
    [[nodiscard]] std::tuple<std::int64_t, std::int64_t, std::vector<std::uint16_t>> rank() const {
      return {within, -apart, devices};
    }
  };

  [[nodiscard]] std::int64_t distance(std::uint16_t a, std::uint16_t b) const {
    const std::size_t at = a * host_.devices.size() + b;
    return at < host_.distances.size() ? host_.distances[at] : 0;
  }

  [[nodiscard]] std::int64_t distance(
      std::uint16_t from, const std::vector<std::uint16_t>& group) const {
    return std::accumulate(
        group.begin(), group.end(), std::int64_t{0}, [this, from](std::int64_t sum, auto to) {
          return sum + distance(from, to);
        });
  }

  [[nodiscard]] Choice grow(std::uint16_t first, std::size_t wanted) const {
    std::vector<std::uint16_t> left = open_;
    std::vector<std::uint16_t> group = certain_;
    Choice choice;
    std::uint16_t next = first;
    while (true) {
      choice.within += distance(next, group);
      group.push_back(next);
      choice.devices.push_back(next);
      left.erase(std::find(left.begin(), left.end(), next));
      if (choice.devices.size() >= wanted || left.empty()) {
        break;
      }
      next = *std::min_element(left.begin(), left.end(), [&, this](auto a, auto b) {
        return nearness(a, group, left) < nearness(b, group, left);
      });
    }
    for (const std::uint16_t device : left) {
      choice.apart += distance(device, group);
    }
    std::sort(choice.devices.begin(), choice.devices.end());
    return choice;
  }

  /// Near to the group, then far from what is left, then the lowest.
  [[nodiscard]] std::tuple<std::int64_t, std::int64_t, std::uint16_t> nearness(
      std::uint16_t device,
      const std::vector<std::uint16_t>& group,
      const std::vector<std::uint16_t>& left) const {
    return {distance(device, group), -distance(device, left), device};
  }

  const Host& host_;
  const std::vector<std::uint16_t>& certain_;
  const std::vector<std::uint16_t>& open_;
};

}  // namespace

std::vector<std::uint16_t> closest(
    const Host& host,
    const std::vector<std::uint16_t>& certain,
    const std::vector<std::uint16_t>& open,
    std::size_t wanted) {
  std::vector<std::uint16_t> ordered = Chooser(host, certain, open).choose(wanted);
  for (const std::uint16_t device : open) {
    if (std::find(ordered.begin(), ordered.end(), device) == ordered.end()) {
      ordered.push_back(device);
    }
  }
  return ordered;
}

}  // namespace cattino::core
