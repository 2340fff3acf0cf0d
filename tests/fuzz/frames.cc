// The supervisor's protocol, both directions, as bytes from a socket: in one piece and in small ones.
//
// First byte: the direction. Second: how the stream is cut into pieces. The rest is the stream.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "demand.h"
#include "supervisor/frame.h"

namespace {

using cattino::fuzz::demand;
using cattino::supervisor::encode;
using cattino::supervisor::FrameReader;
using cattino::supervisor::FromSupervisor;
using cattino::supervisor::ToSupervisor;

/// What a reader made of a stream: each message as a frame of ours, and whether it was refused.
struct Read {
  std::vector<std::string> frames;
  bool broken = false;
  bool operator==(const Read&) const = default;
};

template <class Message>
bool take_all(FrameReader& reader, Read& read) {
  Message message;
  FrameReader::Got got = reader.next(message);
  while (got == FrameReader::Got::message) {
    encode(message, read.frames.emplace_back());
    got = reader.next(message);
  }
  read.broken = got == FrameReader::Got::broken;
  return !read.broken;
}

template <class Message>
Read read_in_pieces(std::string_view stream, std::size_t piece) {
  Read read;
  FrameReader reader;
  while (!stream.empty()) {
    reader.append(stream.substr(0, piece));
    stream.remove_prefix(std::min(piece, stream.size()));
    if (!take_all<Message>(reader, read)) {
      break;
    }
  }
  return read;
}

template <class Message>
void check(std::string_view stream, std::size_t piece) {
  const Read whole = read_in_pieces<Message>(stream, stream.size());
  demand(whole == read_in_pieces<Message>(stream, piece), "how a stream is cut changes nothing");
  std::string again;
  for (const std::string& frame : whole.frames) {
    again += frame;
  }
  // A frame of an older writer lacks the fields that came later.
  demand(again.size() <= 2 * stream.size(), "a message has no more than came");
  demand(
      read_in_pieces<Message>(again, again.size()).frames == whole.frames,
      "what was read is written and read as the same");
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name that fuzzers call
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes = cattino::fuzz::text_of(data, size);
  const bool up = cattino::fuzz::take_byte(bytes) % 2 == 0;
  const std::size_t piece = std::size_t{1} + cattino::fuzz::take_byte(bytes) % 64;
  if (bytes.empty()) {
    return 0;
  }
  if (up) {
    check<ToSupervisor>(bytes, piece);
  } else {
    check<FromSupervisor>(bytes, piece);
  }
  return 0;
}
