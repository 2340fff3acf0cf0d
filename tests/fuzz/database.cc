// A whole database with damage in it: an error, or good records; never a crash, a hang or a leak.
//
// First byte: closed, or left open with a log. Then four bytes each: what is done (a byte set, a stretch
// zeroed, a file cut off), and where.
#include <string>
#include <string_view>

#include "demand.h"
#include "store/testing/sample.h"

namespace cattino::store::testing {
namespace {

using fuzz::demand;
using fuzz::take_byte;

/// How many bytes may be others now.
std::size_t damage(Image& image, std::string_view bytes) {
  std::size_t touched = 0;
  while (bytes.size() >= 4) {
    const std::uint8_t what = take_byte(bytes);
    const std::size_t high = take_byte(bytes);
    const std::size_t place = high * 1024 + std::size_t{take_byte(bytes)} * 4 + what / 64;
    const std::uint8_t value = take_byte(bytes);
    std::string& file = what % 2 == 0 || image.log.empty() ? image.database : image.log;
    const Stroke stroke{
        what / 2 % 8 == 0   ? Stroke::Kind::cut
        : what / 2 % 8 == 1 ? Stroke::Kind::zeros
                            : Stroke::Kind::set,
        place,
        value};
    touched += apply(stroke, file);
  }
  return touched;
}

void check(std::string_view bytes) {
  static const MemoryDirectory place;
  static const Sample closed = make_sample(place.path(), false);
  static const Sample open = make_sample(place.path(), true);
  const Sample& sample = take_byte(bytes) % 2 == 0 ? closed : open;
  Image image = sample.image;
  const std::size_t touched = damage(image, bytes);
  const std::string path = place.path() + "/state.db";
  write_image(image, path);
  const Result<Contents> contents = read_all(path);
  if (contents) {
    demand(lost(sample.base, *contents) <= touched, "what is undamaged is there");
  } else {
    demand(!contents.error().message.empty(), "an error says what is wrong");
  }
}

}  // namespace
}  // namespace cattino::store::testing

// NOLINTNEXTLINE(readability-identifier-naming): the name that fuzzers call
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  cattino::store::testing::check(cattino::fuzz::text_of(data, size));
  return 0;
}
