// From what a user names to tasks. Runs on the reader's thread, over its snapshot.
//
// A name means: `#12` or `name#12` that task; else the task of this fullname that has not ended, or the
// latest one; else the group of this fullname, with the same rule for each task in it.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "engine/views.h"
#include "store/store.h"

namespace cattino::engine {

struct SelectOptions {
  std::vector<core::TaskStatus> statuses;  ///< of `match` and `all`; empty: any
  bool hidden = false;
  bool history = false;     ///< every task of a name, not only the one that holds it
  Time ended_after;         ///< of `all` and `match`
  std::uint64_t limit = 0;  ///< of rows; 0: all
};

struct Selected {
  std::vector<store::TaskRow> tasks;    ///< in the order of ids, each once
  std::vector<store::GroupRow> groups;  ///< those that the rows need
  std::uint64_t truncated = 0;
};

/// An error of code `not_found` names the nearest name; one of code `invalid` a bad expression.
Result<Selected> select(
    store::Reader& reader, const Selection& selection, const SelectOptions& options);

/// The id at the end of "name#12" or "#12"; 0 if there is none.
std::uint64_t id_in(std::string_view name);

}  // namespace cattino::engine
