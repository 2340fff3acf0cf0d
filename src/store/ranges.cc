// Sets of ids as ranges.
#include <algorithm>

#include "store/selection.h"

namespace cattino::store {

Ranges normalized(Ranges ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) {
    return a.first < b.first;
  });
  Ranges merged;
  for (const Range& range : ranges) {
    if (range.first >= range.end) {
      continue;
    }
    if (!merged.empty() && range.first <= merged.back().end) {
      merged.back().end = std::max(merged.back().end, range.end);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

Ranges intersection(const Ranges& left, const Ranges& right) {
  Ranges both;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < left.size() && j < right.size()) {
    const std::uint64_t first = std::max(left[i].first, right[j].first);
    const std::uint64_t end = std::min(left[i].end, right[j].end);
    if (first < end) {
      both.push_back({first, end});
    }
    (left[i].end < right[j].end ? i : j) += 1;
  }
  return both;
}

namespace {

void add(Ranges& ranges, const Range& range) {
  if (range.first < range.end) {
    ranges.push_back(range);
  }
}

}  // namespace

Ranges difference(const Ranges& left, const Ranges& right) {
  Ranges rest;
  std::size_t j = 0;
  for (Range range : left) {
    while (j < right.size() && right[j].end <= range.first) {
      ++j;
    }
    for (std::size_t k = j; k < right.size() && right[k].first < range.end; ++k) {
      add(rest, {range.first, right[k].first});
      range.first = std::min(range.end, right[k].end);
    }
    add(rest, range);
  }
  return rest;
}

}  // namespace cattino::store
