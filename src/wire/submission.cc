// The lines of a submission.
#include "wire/submission.h"

#include <exception>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parser.hpp>
#include <fmt/core.h>

#include "wire/base64.h"
#include "wire/describe.h"
#include "wire/parse.h"
#include "wire/reader.h"
#include "wire/writer.h"

namespace cattino::wire {

namespace {

constexpr std::array<std::string_view, 3> when_words = {"ok", "any", "fail"};

bool read(const Place& place, const boost::json::value& from, Objects& to) {
  const boost::json::string* text = from.if_string();
  std::optional<std::string> bytes = text != nullptr ? from_base64(*text) : std::nullopt;
  if (!bytes) {
    return place.wrong("expected base64");
  }
  to.pickle = std::move(*bytes);
  return true;
}

bool read(const Place& place, const boost::json::value& from, When& to) {
  const boost::json::string* text = from.if_string();
  for (std::size_t i = 0; text != nullptr && i < when_words.size(); ++i) {
    if (*text == when_words.at(i)) {
      to = static_cast<When>(i);
      return true;
    }
  }
  return place.expected("'ok', 'any' or 'fail'", from);
}

bool read(const Place& place, const boost::json::value& from, Edge& to) {
  const boost::json::array* items = from.if_array();
  if (items == nullptr || items->size() < 2 || items->size() > 3) {
    return place.expected("[from, to] or [from, to, when]", from);
  }
  return wire::read(place.index(0), (*items)[0], to.from) &&
         wire::read(place.index(1), (*items)[1], to.to) &&
         (items->size() == 2 || read(place.index(2), (*items)[2], to.when));
}

bool read_line(const Place& top, const boost::json::value& from, SubmissionLine& to) {
  const boost::json::object* items = from.if_object();
  if (items == nullptr || items->size() != 1) {
    return top.expected(
        "an object with one of 'submission', 'objects', 'group', 'task', 'edge' and 'end'", from);
  }
  const std::string_view key = items->begin()->key();
  const boost::json::value& value = items->begin()->value();
  const Place place = top.key(key);
  if (key == "task") {
    return read(place, value, to.emplace<NewTask>());
  }
  if (key == "edge") {
    return read(place, value, to.emplace<Edge>());
  }
  if (key == "group") {
    return read(place, value, to.emplace<NewGroup>());
  }
  if (key == "submission") {
    return read(place, value, to.emplace<Submission>());
  }
  if (key == "objects") {
    return read(place, value, to.emplace<Objects>());
  }
  if (key == "end") {
    return read(place, value, to.emplace<End>());
  }
  const std::vector<std::string> known = {"submission", "objects", "group", "task", "edge", "end"};
  return top.unknown(key, known);
}

template <class T>
void write_field(Output& out, std::string_view key, const T& value) {
  bool first = true;
  out.text += '{';
  write_key(out, first, key);
  wire::write(out, value);
  out.text += '}';
}

void write_line(Output& out, const Submission& line) {
  write_field(out, "submission", line);
}
void write_line(Output& out, const NewGroup& line) {
  write_field(out, "group", line);
}
void write_line(Output& out, const NewTask& line) {
  write_field(out, "task", line);
}
void write_line(Output& out, const End& line) {
  write_field(out, "end", line);
}
void write_line(Output& out, const Objects& line) {
  write_field(out, "objects", to_base64(line.pickle));
}
void write_line(Output& out, const Edge& line) {
  out.text += fmt::format(R"({{"edge":[{},{})", line.from, line.to);
  if (line.when != When::ok) {
    out.text += fmt::format(R"(,"{}")", when_words.at(static_cast<std::size_t>(line.when)));
  }
  out.text += "]}";
}

}  // namespace

struct LineReader::Impl {
  static constexpr std::size_t block_bytes = 16384;
  std::array<unsigned char, block_bytes> block = {};
  boost::json::monotonic_resource memory{block.data(), block_bytes};
  boost::json::parser parser{{}, json_options()};
};

LineReader::LineReader() : impl_(std::make_unique<Impl>()) {}
LineReader::~LineReader() = default;

Result<SubmissionLine> LineReader::read(std::string_view line) {
  impl_->memory.release();
  try {
    const Result<boost::json::value> document = parse(impl_->parser, &impl_->memory, line);
    if (!document) {
      return document.error();
    }
    std::optional<Error> error;
    SubmissionLine value;
    if (!read_line(Place{Reading::strict, error}, *document, value)) {
      return error.value_or(Error{});
    }
    return value;
  } catch (const std::exception& thrown) {
    return Error{ErrorCode::internal, fmt::format("reading JSON failed: {}", thrown.what())};
  }
}

std::string to_line(const SubmissionLine& line) {
  Output out;
  out.bytes = Bytes::keep;
  std::visit([&out](const auto& value) { write_line(out, value); }, line);
  return std::move(out.text);
}

}  // namespace cattino::wire
