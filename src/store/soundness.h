// Whether loaded work holds together: the core takes for granted that what is referred to is there.
#pragma once

#include "base/result.h"
#include "store/records.h"

namespace cattino::store {

/// An Error of code `corrupt` that names the row, if a group, a task or an edge refers to what is not of this
/// submission or comes later. The tasks are known to be all there.
Status check_sound(const Submission& submission, const core::Submitted& work);

}  // namespace cattino::store
