// What the daemon is told over its socket: the documents alone, and as HTTP on a real connection with all
// verbs behind it. First byte: which of them. With HTTP the second says how the stream is cut into pieces.
#include <algorithm>
#include <string>
#include <string_view>

#include "demand.h"
#include "server/testing/talk.h"
#include "wire/feed.h"
#include "wire/json.h"
#include "wire/problem.h"
#include "wire/submission.h"
#include "wire/tasks.h"
#include "wire/verbs.h"

namespace cattino {
namespace {

using fuzz::demand;
using fuzz::take_byte;

constexpr const char* rule = "what was read is written and read as the same";

// ---- documents

void check_error(const Error& error, std::string_view text) {
  demand(!error.message.empty(), "an error says what is wrong");
  demand(error.code == ErrorCode::invalid, "bad input is the sender's fault");
  demand(wire::is_json(text) || error.field.empty(), "what is no JSON has no fields");
}

void check_line(std::string_view text) {
  wire::LineReader reader;
  const Result<wire::SubmissionLine> line = reader.read(text);
  if (!line) {
    check_error(line.error(), text);
    return;
  }
  const std::string written = wire::to_line(*line);
  demand(written.find('\n') == std::string::npos, "a line is one line");
  const Result<wire::SubmissionLine> again = reader.read(written);
  demand(static_cast<bool>(again), rule);
  demand(wire::to_line(*again) == written, rule);
}

template <class T>
void check_document(std::string_view text) {
  for (const wire::Reading reading : {wire::Reading::strict, wire::Reading::lenient}) {
    const Result<T> value = wire::from_json<T>(text, reading);
    if (!value) {
      check_error(value.error(), text);
      continue;
    }
    const std::string written = wire::to_json(*value);
    const Result<T> again = wire::from_json<T>(written, wire::Reading::lenient);
    demand(static_cast<bool>(again), rule);
    demand(wire::to_json(*again) == written, rule);
  }
}

void check_documents(std::uint8_t which, std::string_view text) {
  switch (which % 8) {
    case 0:
      check_document<wire::VerbRequest>(text);
      break;
    case 1:
      check_document<wire::WaitRequest>(text);
      break;
    case 2:
      check_document<wire::ExitRequest>(text);
      break;
    case 3:
      check_document<wire::TaskList>(text);
      break;
    case 4:
      check_document<wire::Detail>(text);
      break;
    case 5:
      check_document<wire::Devices>(text);
      break;
    case 6:
      check_document<wire::FeedItem>(text);
      break;
    default:
      check_document<wire::SubmissionAnswer>(text);
      check_document<wire::Problem>(text);
      break;
  }
}

// ---- HTTP

void check_http(std::string_view stream) {
  const std::size_t piece = std::size_t{1} + 4 * take_byte(stream);
  server::testing::Talk talk;
  while (!stream.empty()) {
    talk.send(stream.substr(0, piece));
    stream.remove_prefix(std::min(piece, stream.size()));
  }
  const std::string fault = talk.end();
  demand(fault.empty(), fault.c_str());
}

void check(std::string_view bytes) {
  const std::uint8_t which = take_byte(bytes);
  if (which < 64) {
    check_line(bytes);
  } else if (which < 128) {
    check_documents(which, bytes);
  } else {
    check_http(bytes);
  }
}

}  // namespace
}  // namespace cattino

// NOLINTNEXTLINE(readability-identifier-naming): the name that fuzzers call
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  cattino::check(cattino::fuzz::text_of(data, size));
  return 0;
}
