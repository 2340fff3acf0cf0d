// Messages → JSON text. One template for all messages; the leaves are in writer.cc.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/amounts.h"
#include "wire/json.h"
#include "wire/members.h"

namespace cattino::wire {

struct Output {
  std::string text;
  Bytes bytes = Bytes::replace;
};

void write_text(Output& out, std::string_view text);
void write_signed(Output& out, std::int64_t number);
void write_unsigned(Output& out, std::uint64_t number);

void write(Output& out, const MemoryRequest& memory);
void write(Output& out, const Millicores& cores);
void write(Output& out, const RetryEnd& end);
void write(Output& out, const Factor& factor);
void write(Output& out, const Number& number);
inline void write(Output& out, const Mib& amount) {
  write_signed(out, amount.value);
}
inline void write(Output& out, const std::string& text) {
  write_text(out, text);
}

template <class T>
void write(Output& out, const T& value);

template <class List>
void write_list(Output& out, const List& items) {
  out.text += '[';
  bool first = true;
  for (const auto& item : items) {
    if (!first) {
      out.text += ',';
    }
    first = false;
    write(out, item);
  }
  out.text += ']';
}

template <class T, std::size_t count>
void write(Output& out, const std::array<T, count>& items) {
  write_list(out, items);
}

/// The part of an object before a value: a comma if need be, the key and a colon.
void write_key(Output& out, bool& first, std::string_view key);

template <class T>
void write_dictionary(Output& out, const T& items) {
  out.text += '{';
  bool first = true;
  for (const auto& item : items) {
    write_key(out, first, item.first);
    write(out, item.second);
  }
  out.text += '}';
}

template <class T>
void write_member(Output& out, bool& first, std::string_view name, const T& item) {
  if constexpr (IsOptional<T>::value && !IsNullable<T>::value) {
    if (!item.has_value()) {
      return;
    }
  }
  write_key(out, first, key_of(name));
  write(out, item);
}

template <class T>
void write_members(Output& out, const T& value) {
  out.text += '{';
  bool first = true;
  boost::mp11::mp_for_each<MembersOf<T>>(
      [&](auto member) { write_member(out, first, member.name, value.*member.pointer); });
  out.text += '}';
}

template <class T>
void write(Output& out, const T& value) {
  if constexpr (IsOptional<T>::value) {
    if (value.has_value()) {
      write(out, *value);
    } else {
      out.text += "null";
    }
  } else if constexpr (IsList<T>::value) {
    write_list(out, value);
  } else if constexpr (IsDictionary<T>::value) {
    write_dictionary(out, value);
  } else if constexpr (std::is_same_v<T, bool>) {
    out.text += value ? "true" : "false";
  } else if constexpr (std::is_integral_v<T>) {
    if constexpr (std::is_signed_v<T>) {
      write_signed(out, value);
    } else {
      write_unsigned(out, value);
    }
  } else {
    write_members(out, value);
  }
}

}  // namespace cattino::wire
