// Lists and single tasks for people: the stored snapshot, read on the reader's thread, then what only
// the core knows.
#pragma once

#include <string>
#include <variant>

#include "engine/engine.h"
#include "engine/world.h"

namespace cattino::engine {

void list_tasks(World& world, ListQuery query, Answer<ListView> answer);
void show_task(
    World& world, std::string reference, Answer<std::variant<DetailView, ListView>> answer);

}  // namespace cattino::engine
