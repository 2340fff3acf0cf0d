// Packed fields: how the parts of a record that no query asks for are kept in one blob. A number is a
// varint, seven bits a byte from the lowest; a signed one is zigzagged first; a text is its size and
// its bytes. Fields are only ever added at the end: a reader past the end gets 0 and "".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
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
  template <class T>
  T as() {
    return static_cast<T>(number());
  }

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  /// False once something did not fit: the bytes are not what was packed.
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace cattino::store
