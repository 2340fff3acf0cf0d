// Which tasks a filter means: ids in order, found without reading more of history than it must.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/records.h"
#include "store/sqlite.h"

namespace re2 {
class RE2;
}

namespace cattino::store {

/// Ids from `first` to before `end`.
struct Range {
  std::uint64_t first = 0;
  std::uint64_t end = 0;
};
using Ranges = std::vector<Range>;

/// In order, merged where they touch.
Ranges normalized(Ranges ranges);
/// What is in both. Both must be normalized.
Ranges intersection(const Ranges& left, const Ranges& right);
/// What is in `left` only. Both must be normalized.
Ranges difference(const Ranges& left, const Ranges& right);

class Selection {
 public:
  explicit Selection(Connection& connection);
  ~Selection();
  Selection(const Selection&) = delete;
  Selection& operator=(const Selection&) = delete;

  struct Picked {
    std::vector<TaskId> ids;
    std::uint64_t truncated = 0;
  };
  Result<Picked> pick(const Filter& filter);

 private:
  struct Wanted;

  Result<Ranges> candidates(const Filter& filter);
  Status add_ids(const Filter& filter, Ranges& ranges);
  Status add_named(const std::string& fullname, Ranges& ranges);
  Status add_submissions(const Filter& filter, Ranges& ranges);
  Status add_rows(Rows& rows, Ranges& ranges);
  Status scan(const Range& range, const Wanted& wanted, Picked& picked);

  Statement exists_;
  Statement named_;
  Statement below_;
  Statement submission_;
  Statement all_;
  Statement live_;
  Statement recent_;
  Statement unseen_;
  Statement states_;
  Statement names_;
  Statement hidden_;
};

}  // namespace cattino::store
