// Waits as clients ask for them: names are looked up, then Waits counts the ends, then the answer is
// put together from the stored snapshot.
#pragma once

#include <memory>

#include "engine/engine.h"
#include "engine/waits.h"
#include "engine/world.h"

namespace cattino::store {
struct TaskRow;
}

namespace cattino::engine {

struct Selected;

class WaitRequests {
 public:
  WaitRequests(World& world, Waits& waits) : world_(world), waits_(waits) {}

  std::unique_ptr<Handle> wait(WaitQuery query, Answer<WaitView> answer);

 private:
  struct Request;
  class Held;
  using Shared = std::shared_ptr<Request>;

  void look_up(const Shared& request);
  void looked_up(const Shared& request, const Selected& selected);
  void answer(const Waits::Ended& ended, const Answer<WaitView>& answer);

  World& world_;
  Waits& waits_;
};

}  // namespace cattino::engine
