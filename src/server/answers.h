// What the engine shows → messages.
#pragma once

#include <vector>

#include "engine/views.h"
#include "wire/feed.h"
#include "wire/submission.h"
#include "wire/tasks.h"
#include "wire/verbs.h"

namespace cattino::server {

wire::Task task_of(const engine::TaskView& view);
std::vector<wire::Task> tasks_of(const std::vector<engine::TaskView>& views);
wire::Group group_of(const engine::GroupView& view);
wire::Counts counts_of(const std::vector<engine::TaskView>& views);
wire::Detail detail_of(const engine::DetailView& view);
wire::VerbAnswer outcome_of(const engine::Outcome& outcome);
wire::Devices devices_of(const engine::DevicesView& view);
wire::SubmissionAnswer submission_of(const engine::SubmissionView& view);
wire::FeedItem feed_item_of(const engine::FeedItem& item);

}  // namespace cattino::server
