// Packed fields: how the parts of a record that no query asks for are kept in one blob. A number is a
// varint, seven bits a byte from the lowest; a signed one is zigzagged first; a text is its size and
// its bytes. Fields are only ever added at the end: a reader past the end gets 0 and "".
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace cattino::store {

class Packer {
 public:
  void clear() { bytes_.clear(); }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

  void number(std::uint64_t value);
  void difference(std::int64_t value);  ///< may be negative
  void flag(bool value) { number(value ? 1 : 0); }
  void text(std::string_view value);
  void texts(const std::vector<std::string>& values);

 private:
  std::string bytes_;
};

class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : rest_(bytes) {}

  std::uint64_t number();
  std::int64_t difference();
  bool flag() { return number() != 0; }
  std::string_view text();
  std::vector<std::string> texts();
  /// A number of items that follow, each of one byte at least.
  std::size_t count();

  /// A number that fits into T.
  template <class T>
  T as() {
    const std::uint64_t value = number();
    return value <= std::numeric_limits<T>::max() ? static_cast<T>(value) : nothing<T>();
  }
  /// A number, maybe negative, that fits into T.
  template <class T>
  T difference_as() {
    const std::int64_t value = difference();
    const bool fits =
        value >= std::numeric_limits<T>::min() && value <= std::numeric_limits<T>::max();
    return fits ? static_cast<T>(value) : nothing<T>();
  }
  /// A value of an enumeration that ends with `last`.
  template <class Enum>
  Enum up_to(Enum last) {
    const std::uint64_t value = number();
    return value <= static_cast<std::uint64_t>(last) ? static_cast<Enum>(value) : nothing<Enum>();
  }

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  /// False once something did not fit: the bytes are not what was packed.
  [[nodiscard]] bool ok() const { return ok_; }
  /// What was read is nothing that could have been packed.
  void refuse() {
    ok_ = false;
    rest_ = {};
  }

 private:
  template <class T>
  T nothing() {
    refuse();
    return T{};
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace cattino::store
