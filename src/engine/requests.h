// What users ask of tasks: cancel, kill, resume, remove.
#pragma once

#include "engine/select.h"
#include "engine/turn.h"
#include "engine/world.h"

namespace cattino::engine {

class Requests {
 public:
  Requests(World& world, Turn& turn, Feed& feed) : world_(world), turn_(turn), feed_(feed) {}

  void request(core::Verb verb, Selection selection, Answer<Outcome> answer);

 private:
  void apply(core::Verb verb, const Selected& selected, const Answer<Outcome>& answer);
  Status bring_back(const Selected& selected);
  std::string why_not(core::Verb verb, const store::TaskRow& row);
  void hide(const store::TaskRow& row);

  World& world_;
  Turn& turn_;
  Feed& feed_;
};

}  // namespace cattino::engine
