// Base64, four characters at a time.
#include "wire/base64.h"

#include <array>
#include <cstdint>

namespace cattino::wire {

namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t no_digit = 0xFF;

constexpr std::array<std::uint8_t, 256> make_values() {
  std::array<std::uint8_t, 256> values = {};
  values.fill(no_digit);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    values.at(static_cast<unsigned char>(alphabet[i])) = static_cast<std::uint8_t>(i);
  }
  return values;
}

constexpr std::array<std::uint8_t, 256> values = make_values();

std::uint32_t byte_at(std::string_view bytes, std::size_t i) {
  return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0;
}

}  // namespace

std::string to_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::uint32_t three =
        byte_at(bytes, i) << 16U | byte_at(bytes, i + 1) << 8U | byte_at(bytes, i + 2);
    text += alphabet[three >> 18U];
    text += alphabet[three >> 12U & 63U];
    text += i + 1 < bytes.size() ? alphabet[three >> 6U & 63U] : '=';
    text += i + 2 < bytes.size() ? alphabet[three & 63U] : '=';
  }
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) {
    return std::nullopt;
  }
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') {
    ++padding;
  }
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::uint32_t three = 0;
    bool good = true;
    for (std::size_t j = i; j < i + 4; ++j) {
      const std::uint8_t value =
          j < text.size() - padding ? values.at(static_cast<unsigned char>(text[j])) : 0;
      good = good && value != no_digit;
      three = three << 6U | value;
    }
    if (!good) {
      return std::nullopt;
    }
    bytes += static_cast<char>(three >> 16U & 0xFFU);
    bytes += static_cast<char>(three >> 8U & 0xFFU);
    bytes += static_cast<char>(three & 0xFFU);
  }
  bytes.resize(bytes.size() - padding);
  return bytes;
}

}  // namespace cattino::wire
