// What the reader and the writer ask about a type: its members and their keys, and what kind it is.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/describe/members.hpp>
#include <boost/describe/modifiers.hpp>
#include <boost/mp11/algorithm.hpp>

#include "wire/common.h"

namespace cattino::wire {

template <class T>
using MembersOf = boost::describe::describe_members<T, boost::describe::mod_public>;

/// The key of a member: its name without an underscore at the end.
constexpr std::string_view key_of(std::string_view name) {
  return name.ends_with('_') ? name.substr(0, name.size() - 1) : name;
}

template <class T>
std::vector<std::string> keys_of() {
  std::vector<std::string> keys;
  boost::mp11::mp_for_each<MembersOf<T>>(
      [&](auto member) { keys.emplace_back(key_of(member.name)); });
  return keys;
}

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsOptional<Nullable<T>> : std::true_type {};

template <class T>
struct IsNullable : std::false_type {};
template <class T>
struct IsNullable<Nullable<T>> : std::true_type {};

template <class T>
struct IsList : std::false_type {};
template <class T>
struct IsList<std::vector<T>> : std::true_type {};
template <class T>
struct IsList<std::vector<std::pair<std::string, T>>> : std::false_type {};

template <class T>
struct IsDictionary : std::false_type {};
template <class T>
struct IsDictionary<std::vector<std::pair<std::string, T>>> : std::true_type {};

/// A member that may be left out of a request.
template <class T>
constexpr bool may_be_absent =
    IsOptional<T>::value || IsList<T>::value || IsDictionary<T>::value || std::is_same_v<T, bool>;

}  // namespace cattino::wire
