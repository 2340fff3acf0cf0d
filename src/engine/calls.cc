// Names of calls.
#include "engine/calls.h"

#include <charconv>

#include <fmt/core.h>

namespace cattino::engine {

namespace {

/// Reads a number and the '/' after it off the front.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto read = static_cast<std::size_t>(end - text.data());
  if (failure != std::errc{} || read >= text.size() || text[read] != '/') {
    return std::nullopt;
  }
  text.remove_prefix(read + 1);
  return value;
}

}  // namespace

const char* name(core::HookKind hook) {
  return hook == core::HookKind::on_start ? "on_start" : "on_end";
}

std::string to_text(const CallName& call) {
  return fmt::format(
      "{}{}/{}/{}",
      call.owner.kind == core::Node::Kind::task ? 't' : 'g',
      call.owner.id,
      call.attempt,
      call.hook ? name(*call.hook) : "run");
}

std::optional<CallName> parse_call(std::string_view text) {
  CallName call;
  if (text.starts_with('t')) {
    call.owner.kind = core::Node::Kind::task;
  } else if (text.starts_with('g')) {
    call.owner.kind = core::Node::Kind::group;
  } else {
    return std::nullopt;
  }
  text.remove_prefix(1);
  const std::optional<std::uint64_t> id = take_number(text);
  const std::optional<std::uint64_t> attempt = id ? take_number(text) : std::nullopt;
  if (!attempt) {
    return std::nullopt;
  }
  call.owner.id = *id;
  call.attempt = static_cast<std::uint32_t>(*attempt);
  if (text == "on_start") {
    call.hook = core::HookKind::on_start;
  } else if (text == "on_end") {
    call.hook = core::HookKind::on_end;
  } else if (text != "run") {
    return std::nullopt;
  }
  return call;
}

}  // namespace cattino::engine
