// Records and states as packed bytes. Each `unpack` is false if the bytes are not what `pack` wrote.
#pragma once

#include <string_view>
#include <vector>

#include "store/pack.h"
#include "store/records.h"

namespace cattino::store {

/// Column tasks.spec: the submission, and what the core knows but the id.
void pack_spec(const Task& task, Packer& out);
bool unpack_spec(std::string_view bytes, core::TaskSpec& spec, SubmissionId& submission);

/// Column tasks.details: the rest but the fullname.
void pack_details(const Task& task, Packer& out);
bool unpack_details(std::string_view bytes, std::string_view fullname, Task& task);

/// Column groups.spec: all but id, submission, fullname.
void pack_group(const Group& group, Packer& out);
bool unpack_group(std::string_view bytes, std::string_view fullname, Group& group);

/// Column groups.state: all but the phase.
void pack_group_state(const core::GroupState& state, Packer& out);
bool unpack_group_state(std::string_view bytes, core::GroupState& state);

/// Column submissions.details: what has no column of its own.
void pack_submission(const Submission& submission, Packer& out);
bool unpack_submission(std::string_view bytes, Submission& submission);

/// Column states.details: all but status and ended. Unpack into a `first_state`: what an older program
/// did not write stays as it is there.
void pack_state(const core::TaskState& state, Packer& out);
bool unpack_state(std::string_view bytes, core::TaskState& state);

/// Columns attempts.placement and attempts.outcome.
void pack_placement(const Attempt& attempt, Packer& out);
bool unpack_placement(std::string_view bytes, Attempt& attempt);
void pack_outcome(const Attempt& attempt, Packer& out);
bool unpack_outcome(std::string_view bytes, Attempt& attempt);

/// Column edges.edges.
void pack_edges(const core::Edge* edges, std::size_t count, Packer& out);
bool unpack_edges(std::string_view bytes, std::vector<core::Edge>& edges);

}  // namespace cattino::store
