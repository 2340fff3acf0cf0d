// POST /v1/hosts/{submission}: a Python host's connection becomes a channel of lines.
#include <charconv>
#include <utility>

#include <fmt/core.h>

#include "host/channel.h"
#include "server/verbs/verbs.h"

namespace cattino::server::verbs {

namespace {

constexpr std::string_view protocol = "cattino-host/1";

}  // namespace

void host(Context& context, const Request& request, const Responder& responder) {
  std::uint64_t id = 0;
  const std::string& text = request.argument;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), id);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size() || id == 0) {
    responder.fail(Error{
        ErrorCode::not_found, fmt::format("'{}' is not the number of a submission", text), {}, {}});
    return;
  }
  if (request.upgrade != protocol) {
    responder.fail(Error{
        ErrorCode::invalid,
        fmt::format("a host connects with Connection: Upgrade and Upgrade: {}", protocol),
        "Upgrade",
        {}});
    return;
  }
  std::unique_ptr<cattino::host::Channel> channel = responder.channel();
  if (!channel) {
    return;
  }
  const Status taken = context.engine.attach_host(SubmissionId{id}, std::move(channel));
  if (taken) {
    responder.upgrade();
  } else {
    responder.fail(taken.error());
  }
}

}  // namespace cattino::server::verbs
