// JSON values → messages, with the path of what is wrong. One template for all messages; the leaves and
// the words of errors are in reader.cc.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include <boost/json/value.hpp>

#include "base/amounts.h"
#include "base/result.h"
#include "wire/json.h"
#include "wire/members.h"

namespace cattino::wire {

/// Where the reader is in the document: a chain on the stack, made into a path when something is wrong.
/// The functions that fail return false, so that a reader can return what they return.
class Place {
 public:
  Place(Reading reading, std::optional<Error>& error) : reading_(reading), error_(error) {}

  [[nodiscard]] Place key(std::string_view name) const { return {*this, name, 0}; }
  [[nodiscard]] Place index(std::size_t number) const { return {*this, {}, number}; }
  [[nodiscard]] bool strict() const { return reading_ == Reading::strict; }

  /// `what` is what should have stood here: "an integer".
  bool expected(std::string_view what, const boost::json::value& got) const;
  bool unknown(std::string_view name, std::span<const std::string> known) const;
  bool missing(std::string_view name) const;
  bool wrong(std::string message, std::string hint = {}) const;

 private:
  Place(const Place& parent, std::string_view name, std::size_t number)
      : parent_(&parent),
        name_(name),
        number_(number),
        reading_(parent.reading_),
        error_(parent.error_) {}
  [[nodiscard]] std::string path() const;

  const Place* parent_ = nullptr;
  std::string_view name_;  // empty: an index
  std::size_t number_ = 0;
  Reading reading_;
  std::optional<Error>& error_;
};

bool read(const Place& place, const boost::json::value& from, bool& to);
bool read(const Place& place, const boost::json::value& from, std::string& to);
bool read(const Place& place, const boost::json::value& from, MemoryRequest& to);
bool read(const Place& place, const boost::json::value& from, Millicores& to);
bool read(const Place& place, const boost::json::value& from, Mib& to);
bool read(const Place& place, const boost::json::value& from, RetryEnd& to);
bool read(const Place& place, const boost::json::value& from, Factor& to);
bool read(const Place& place, const boost::json::value& from, Number& to);

bool read_signed(
    const Place& place,
    const boost::json::value& from,
    std::int64_t least,
    std::int64_t most,
    std::int64_t& to);
bool read_unsigned(
    const Place& place, const boost::json::value& from, std::uint64_t most, std::uint64_t& to);

template <class T>
bool read(const Place& place, const boost::json::value& from, T& to);

template <class T>
bool read_integer(const Place& place, const boost::json::value& from, T& to) {
  using Wide = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
  using Limits = std::numeric_limits<T>;
  Wide wide = 0;
  bool good = false;
  if constexpr (std::is_signed_v<T>) {
    good = read_signed(place, from, Limits::min(), Limits::max(), wide);
  } else {
    good = read_unsigned(place, from, Limits::max(), wide);
  }
  to = static_cast<T>(wide);
  return good;
}

template <class List>
bool read_list(const Place& place, const boost::json::value& from, List& to) {
  const boost::json::array* items = from.if_array();
  if (items == nullptr) {
    return place.expected("a list", from);
  }
  to.clear();
  to.reserve(items->size());
  for (std::size_t i = 0; i < items->size(); ++i) {
    if (!read(place.index(i), (*items)[i], to.emplace_back())) {
      return false;
    }
  }
  return true;
}

template <class List>
bool read_dictionary(const Place& place, const boost::json::value& from, List& to) {
  const boost::json::object* items = from.if_object();
  if (items == nullptr) {
    return place.expected("an object", from);
  }
  to.clear();
  to.reserve(items->size());
  for (const boost::json::key_value_pair& item : *items) {
    to.emplace_back(std::string(item.key()), typename List::value_type::second_type{});
    if (!read(place.key(item.key()), item.value(), to.back().second)) {
      return false;
    }
  }
  return true;
}

template <class T, std::size_t count>
bool read_array(const Place& place, const boost::json::value& from, std::array<T, count>& to) {
  const boost::json::array* items = from.if_array();
  if (items == nullptr || items->size() != count) {
    return place.expected("a list of " + std::to_string(count), from);
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (!read(place.index(i), (*items)[i], to[i])) {
      return false;
    }
  }
  return true;
}

template <class T>
bool read_members(const Place& place, const boost::json::value& from, T& to) {
  const boost::json::object* items = from.if_object();
  if (items == nullptr) {
    return place.expected("an object", from);
  }
  std::uint64_t seen = 0;
  for (const boost::json::key_value_pair& item : *items) {
    const std::string_view key = item.key();
    bool known = false;
    bool good = true;
    std::uint64_t bit = 1;
    boost::mp11::mp_for_each<MembersOf<T>>([&](auto member) {
      const bool found = !known && key == key_of(member.name);
      const bool given = found && !item.value().is_null();
      known = known || found;
      seen |= given ? bit : 0;
      good = good && (!given || read(place.key(key), item.value(), to.*member.pointer));
      bit <<= 1U;
    });
    if (!known && place.strict()) {
      return place.unknown(key, keys_of<T>());
    }
    if (!good) {
      return false;
    }
  }
  if (!place.strict()) {
    return true;
  }
  std::string_view missing;
  std::uint64_t bit = 1;
  boost::mp11::mp_for_each<MembersOf<T>>([&](auto member) {
    using Member = std::remove_reference_t<decltype(to.*member.pointer)>;
    if (!may_be_absent<Member> && (seen & bit) == 0 && missing.empty()) {
      missing = key_of(member.name);
    }
    bit <<= 1U;
  });
  return missing.empty() || place.missing(missing);
}

template <class T, std::size_t count>
bool read(const Place& place, const boost::json::value& from, std::array<T, count>& to) {
  return read_array(place, from, to);
}

template <class T>
bool read(const Place& place, const boost::json::value& from, T& to) {
  if constexpr (IsOptional<T>::value) {
    if (from.is_null()) {
      to.reset();
      return true;
    }
    return read(place, from, to.emplace());
  } else if constexpr (IsList<T>::value) {
    return read_list(place, from, to);
  } else if constexpr (IsDictionary<T>::value) {
    return read_dictionary(place, from, to);
  } else if constexpr (std::is_integral_v<T>) {
    return read_integer(place, from, to);
  } else {
    return read_members(place, from, to);
  }
}

}  // namespace cattino::wire
