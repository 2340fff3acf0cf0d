// Packed fields: varints and texts.
#include "store/pack.h"

namespace cattino::store {

void Packer::number(std::uint64_t value) {
  while (value >= 0x80) {
    bytes_.push_back(static_cast<char>(value | 0x80));
    value >>= 7U;
  }
  bytes_.push_back(static_cast<char>(value));
}

void Packer::difference(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  number(bits << 1U ^ (value < 0 ? ~std::uint64_t{0} : 0));
}

void Packer::text(std::string_view value) {
  number(value.size());
  bytes_.append(value);
}

void Packer::texts(const std::vector<std::string>& values) {
  number(values.size());
  for (const std::string& value : values) {
    text(value);
  }
}

std::uint64_t Unpacker::number() {
  if (rest_.empty()) {
    return 0;
  }
  std::uint64_t value = 0;
  std::size_t used = 0;
  for (unsigned shift = 0; shift < 64 && used < rest_.size(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(rest_[used++]);
    value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
    if (shift == 63 && byte > 1) {
      break;  // it has more than 64 bits
    }
    if (byte < 0x80) {
      rest_.remove_prefix(used);
      return value;
    }
  }
  refuse();
  return 0;
}

std::int64_t Unpacker::difference() {
  const std::uint64_t bits = number();
  return static_cast<std::int64_t>(bits >> 1U ^ ((bits & 1U) != 0 ? ~std::uint64_t{0} : 0));
}

std::string_view Unpacker::text() {
  const std::uint64_t size = number();
  if (size > rest_.size()) {
    refuse();
    return {};
  }
  const std::string_view value = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return value;
}

std::size_t Unpacker::count() {
  const std::uint64_t items = number();
  if (items > rest_.size()) {
    refuse();
    return 0;
  }
  return items;
}

std::vector<std::string> Unpacker::texts() {
  std::vector<std::string> values(count());
  for (std::string& value : values) {
    value = text();
  }
  return values;
}

}  // namespace cattino::store
