// from_json and to_json, made for each message.
#include "wire/json.h"

#include <exception>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parser.hpp>
#include <fmt/core.h>

#include "wire/describe.h"
#include "wire/parse.h"
#include "wire/reader.h"
#include "wire/writer.h"

namespace cattino::wire {

namespace {

bool read(const Place& place, const boost::json::value& from, Detail& to) {
  const boost::json::object* items = from.if_object();
  const bool is_task = items != nullptr && items->contains("task");
  return is_task ? wire::read(place, from, to.emplace<TaskDetail>())
                 : wire::read(place, from, to.emplace<GroupDetail>());
}

void write(Output& out, const Detail& detail) {
  if (const auto* task = std::get_if<TaskDetail>(&detail)) {
    wire::write(out, *task);
  } else if (const auto* group = std::get_if<GroupDetail>(&detail)) {
    wire::write(out, *group);
  }
}

}  // namespace

template <class T>
Result<T> from_json(std::string_view text, Reading reading) {
  constexpr std::size_t first_block = 4096;
  unsigned char block[first_block];
  boost::json::monotonic_resource memory{block, first_block};
  boost::json::parser parser{{}, json_options()};
  try {
    Result<boost::json::value> document = parse(parser, &memory, text);
    if (!document) {
      return document.error();
    }
    std::optional<Error> error;
    T value{};
    if (!read(Place{reading, error}, *document, value)) {
      return error.value_or(Error{});
    }
    return value;
  } catch (const std::exception& thrown) {
    return Error{ErrorCode::internal, fmt::format("reading JSON failed: {}", thrown.what())};
  }
}

template <class T>
std::string to_json(const T& value, Bytes bytes) {
  Output out;
  out.bytes = bytes;
  write(out, value);
  return std::move(out.text);
}

std::string json_text(std::string_view text) {
  Output out;
  write_text(out, text);
  return std::move(out.text);
}

bool is_json(std::string_view text) {
  try {
    boost::json::monotonic_resource memory;
    boost::json::parser parser{{}, json_options()};
    return static_cast<bool>(parse(parser, &memory, text));
  } catch (const std::exception&) {
    return false;
  }
}

#define WIRE_MESSAGE(T)                                       \
  template Result<T> from_json<T>(std::string_view, Reading); \
  template std::string to_json<T>(const T&, Bytes);

WIRE_MESSAGE(Request)
WIRE_MESSAGE(Exit)
WIRE_MESSAGE(Reason)
WIRE_MESSAGE(Task)
WIRE_MESSAGE(Group)
WIRE_MESSAGE(TaskList)
WIRE_MESSAGE(Detail)
WIRE_MESSAGE(SubmissionAnswer)
WIRE_MESSAGE(VerbRequest)
WIRE_MESSAGE(VerbAnswer)
WIRE_MESSAGE(WaitRequest)
WIRE_MESSAGE(WaitAnswer)
WIRE_MESSAGE(Devices)
WIRE_MESSAGE(Health)
WIRE_MESSAGE(NoArguments)
WIRE_MESSAGE(SetAside)
WIRE_MESSAGE(EndUnknown)
WIRE_MESSAGE(ExitRequest)
WIRE_MESSAGE(ExitAnswer)
WIRE_MESSAGE(FeedItem)
WIRE_MESSAGE(Problem)

#undef WIRE_MESSAGE

}  // namespace cattino::wire
