// The leaves of messages as JSON: text with its escapes, numbers as people write them.
#include "wire/writer.h"

#include <array>
#include <charconv>
#include <cmath>
#include <system_error>

namespace cattino::wire {

namespace {

std::size_t size_by_lead(unsigned lead) {
  if (lead < 0x80) {
    return 1;
  }
  if (lead < 0xC2 || lead > 0xF4) {
    return 0;
  }
  return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/// Overlong forms, surrogates, and what is beyond the last character.
bool is_no_character(unsigned lead, unsigned second) {
  return (lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
         (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F);
}

/// How many bytes at the front of `text` are one UTF-8 character; 0: none.
std::size_t character_size(std::string_view text) {
  const auto at = [&](std::size_t i) {
    return static_cast<unsigned char>(text[i]);
  };
  const std::size_t size = size_by_lead(at(0));
  if (size == 0 || size > text.size() || (size > 1 && is_no_character(at(0), at(1)))) {
    return 0;
  }
  for (std::size_t i = 1; i < size; ++i) {
    if ((at(i) & 0xC0U) != 0x80) {
      return 0;
    }
  }
  return size;
}

bool is_plain(unsigned char c) {
  return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

void write_control(std::string& out, unsigned char c) {
  constexpr std::string_view digits = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\r':
      out += "\\r";
      return;
    default:
      out += "\\u00";
      out += digits[c >> 4U];
      out += digits[c & 0xFU];
  }
}

/// `number` / 10^`places` without zeros at its end: "1.5", "2".
void write_decimal(std::string& out, std::int64_t number, std::int64_t scale) {
  out += std::to_string(number / scale);
  std::int64_t rest = number % scale;
  if (rest == 0) {
    return;
  }
  out += '.';
  while (rest != 0) {
    scale /= 10;
    out += static_cast<char>('0' + rest / scale);
    rest %= scale;
  }
}

template <class T>
void append_number(std::string& out, T number) {
  std::array<char, 24> digits = {};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), end.ptr);
}

}  // namespace

void write_text(Output& out, std::string_view text) {
  out.text += '"';
  while (!text.empty()) {
    std::size_t plain = 0;
    while (plain < text.size() && is_plain(static_cast<unsigned char>(text[plain]))) {
      ++plain;
    }
    out.text.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) {
      break;
    }
    const auto c = static_cast<unsigned char>(text.front());
    std::size_t size = 1;
    if (c < 0x80) {
      write_control(out.text, c);
    } else if (const std::size_t whole = character_size(text); whole != 0) {
      size = whole;
      out.text.append(text.substr(0, size));
    } else if (out.bytes == Bytes::keep) {
      out.text += text.front();
    } else {
      out.text += "\xEF\xBF\xBD";
    }
    text.remove_prefix(size);
  }
  out.text += '"';
}

void write_signed(Output& out, std::int64_t number) {
  append_number(out.text, number);
}

void write_unsigned(Output& out, std::uint64_t number) {
  append_number(out.text, number);
}

void write(Output& out, const MemoryRequest& memory) {
  switch (memory.kind) {
    case MemoryRequest::Kind::whole:
      out.text += "\"whole\"";
      return;
    case MemoryRequest::Kind::mib:
      write_signed(out, memory.value);
      return;
    case MemoryRequest::Kind::share:
      constexpr std::int64_t millionths_in_percent = 10'000;
      out.text += '"';
      write_decimal(out.text, memory.value, millionths_in_percent);
      out.text += "%\"";
      return;
  }
}

void write(Output& out, const Millicores& cores) {
  constexpr std::int64_t thousandths = 1000;
  write_decimal(out.text, cores.value, thousandths);
  if (cores.value % thousandths == 0) {
    out.text += ".0";
  }
}

void write(Output& out, const RetryEnd& end) {
  if (end.code != 0) {
    write_unsigned(out, end.code);
  } else {
    write_text(out, end.word);
  }
}

void write(Output& out, const Factor& factor) {
  constexpr std::int64_t millionths = 1'000'000;
  write_decimal(out.text, factor.ppm, millionths);
}

void write(Output& out, const Number& number) {
  if (!std::isfinite(number.value)) {
    out.text += "null";
    return;
  }
  std::array<char, 32> digits{};
  const auto [end, error] =
      std::to_chars(digits.data(), digits.data() + digits.size(), number.value);
  out.text.append(digits.data(), error == std::errc{} ? end : digits.data());
}

void write_key(Output& out, bool& first, std::string_view key) {
  if (!first) {
    out.text += ',';
  }
  first = false;
  write_text(out, key);
  out.text += ':';
}

}  // namespace cattino::wire
