// Encoding and decoding: one list of fields a message serves both.
#include "supervisor/frame.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <variant>

#include <unistd.h>

#include "supervisor/limits.h"

namespace cattino::supervisor {
namespace {

// ---- the fields of each message, in the order of the format -----------------------------------------

template <class Io, class M>
void fields(Io& io, M& m) {
  using T = std::remove_const_t<M>;
  if constexpr (std::is_same_v<T, Hello>) {
    io(m.version, m.role);
  } else if constexpr (std::is_same_v<T, DefineEnvironment>) {
    io(m.id, m.variables);
  } else if constexpr (std::is_same_v<T, Limit>) {
    io(m.resource, m.soft, m.hard);
  } else if constexpr (std::is_same_v<T, Bounds>) {
    io(m.memory, m.millicores);
  } else if constexpr (std::is_same_v<T, Spawn>) {
    io(m.key, m.environment, m.variables, m.argv, m.directory, m.stdout_path, m.stderr_path);
    io(m.umask, m.limits, m.plain, m.after);
    io.later(m.log_limit, m.bounds);
  } else if constexpr (std::is_same_v<T, Stop>) {
    io(m.key, m.signal, m.grace);
  } else if constexpr (
      std::is_same_v<T, Acknowledge> || std::is_same_v<T, Recall> || std::is_same_v<T, Recalled> ||
      std::is_same_v<T, Queued>) {
    io(m.key);
  } else if constexpr (std::is_same_v<T, Adopt>) {
    io(m.key, m.pid);
    io.later(m.bounds);
  } else if constexpr (std::is_same_v<T, ChildExited>) {
    io(m.key, m.status);
  } else if constexpr (std::is_same_v<T, Welcome>) {
    io(m.version, m.boot_id, m.epoch, m.complete);
    io.later(m.program, m.pid);
  } else if constexpr (std::is_same_v<T, Started>) {
    io(m.key, m.pid, m.at);
    io.later(m.memory_is_free, m.cpus_are_free);
  } else if constexpr (std::is_same_v<T, Exited>) {
    io(m.key, m.status, m.pid, m.at, m.user_us, m.system_us, m.max_rss_kib);
    io.later(m.out_of_memory);
  } else if constexpr (std::is_same_v<T, Adopted>) {
    io(m.key, m.go);
  } else {
    static_assert(std::is_same_v<T, Leave> || std::is_same_v<T, Synced>);
  }
}

constexpr std::uint8_t first_type(const ToSupervisor& /*direction*/) {
  return 1;
}
constexpr std::uint8_t first_type(const FromSupervisor& /*direction*/) {
  return 64;
}

// ---- writing ----------------------------------------------------------------------------------------

class Writer {
 public:
  explicit Writer(std::string& out) : out_{&out} {}

  template <class... T>
  void operator()(const T&... values) {
    (put(values), ...);
  }

  template <class... T>
  void later(const T&... values) {
    (put(values), ...);
  }

  template <class T>
  void put(const T& value) {
    if constexpr (std::is_enum_v<T>) {
      put(static_cast<std::uint8_t>(value));
    } else if constexpr (std::is_same_v<T, bool>) {
      put(static_cast<std::uint8_t>(value ? 1 : 0));
    } else if constexpr (std::is_integral_v<T>) {
      put_integer(value);
    } else if constexpr (std::is_same_v<T, Time> || std::is_same_v<T, Duration>) {
      put(value.us);
    } else if constexpr (std::is_same_v<T, ExitStatus>) {
      (*this)(value.kind, value.stage, value.value);
    } else if constexpr (std::is_same_v<T, std::string>) {
      put(static_cast<std::uint32_t>(value.size()));
      out_->append(value);
    } else if constexpr (std::is_same_v<T, Limit> || std::is_same_v<T, Bounds>) {
      fields(*this, value);
    } else {
      put(static_cast<std::uint32_t>(value.size()));
      for (const auto& item : value) {
        put(item);
      }
    }
  }

 private:
  template <class T>
  void put_integer(T value) {
    auto bits = static_cast<std::make_unsigned_t<T>>(value);
    std::array<char, sizeof(T)> bytes{};
    for (char& byte : bytes) {
      byte = static_cast<char>(bits & 0xffU);
      bits = static_cast<std::make_unsigned_t<T>>(std::uint64_t{bits} >> 8U);
    }
    out_->append(bytes.data(), bytes.size());
  }

  std::string* out_;
};

template <class Variant>
void encode_any(const Variant& message, std::string& out) {
  const std::size_t start = out.size();
  Writer write{out};
  write(std::uint32_t{0}, static_cast<std::uint8_t>(first_type(message) + message.index()));
  std::visit([&](const auto& alternative) { fields(write, alternative); }, message);
  const std::size_t size = out.size() - start - sizeof(std::uint32_t);
  for (std::size_t at = 0; at < sizeof(std::uint32_t); ++at) {
    out[start + at] = static_cast<char>(size >> (8 * at) & 0xffU);
  }
}

// ---- reading ----------------------------------------------------------------------------------------

/// Takes values off the front of one frame. After the first impossible one, `good` is false and the rest
/// stays as it was.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_{bytes} {}

  [[nodiscard]] bool good() const { return good_; }

  template <class... T>
  void operator()(T&... values) {
    (get(values), ...);
  }

  /// Fields that were added later: an older writer ends before them, and they stay as they are.
  template <class... T>
  void later(T&... values) {
    ((bytes_.empty() ? void() : get(values)), ...);
  }

  template <class T>
  void get(T& value) {
    if constexpr (std::is_same_v<T, Role>) {
      get_enum(value, Role::daemon, Role::child);
    } else if constexpr (std::is_same_v<T, ExitStatus::Kind>) {
      get_enum(value, ExitStatus::Kind::none, ExitStatus::Kind::lost);
    } else if constexpr (std::is_same_v<T, StartStage>) {
      get_enum(value, StartStage::none, StartStage::exec);
    } else if constexpr (std::is_same_v<T, bool>) {
      std::uint8_t byte = 0;
      get(byte);
      good_ = good_ && byte <= 1;
      value = byte == 1;
    } else if constexpr (std::is_integral_v<T>) {
      get_integer(value);
    } else if constexpr (std::is_same_v<T, Time> || std::is_same_v<T, Duration>) {
      get(value.us);
    } else if constexpr (std::is_same_v<T, ExitStatus>) {
      (*this)(value.kind, value.stage, value.value);
    } else if constexpr (std::is_same_v<T, std::string>) {
      get_text(value);
    } else if constexpr (std::is_same_v<T, Limit> || std::is_same_v<T, Bounds>) {
      fields(*this, value);
    } else {
      get_list(value);
    }
  }

 private:
  template <class T>
  void get_enum(T& value, T first, T last) {
    std::uint8_t byte = 0;
    get(byte);
    good_ = good_ && byte >= static_cast<std::uint8_t>(first) &&
            byte <= static_cast<std::uint8_t>(last);
    if (good_) {
      value = static_cast<T>(byte);
    }
  }

  template <class T>
  void get_integer(T& value) {
    if (!good_ || bytes_.size() < sizeof(T)) {
      good_ = false;
      return;
    }
    std::uint64_t bits = 0;
    for (std::size_t at = 0; at < sizeof(T); ++at) {
      bits |= std::uint64_t{static_cast<unsigned char>(bytes_[at])} << (8 * at);
    }
    value = static_cast<T>(bits);
    bytes_.remove_prefix(sizeof(T));
  }

  void get_text(std::string& value) {
    std::uint32_t size = 0;
    get(size);
    if (!good_ || bytes_.size() < size) {
      good_ = false;
      return;
    }
    value.assign(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
  }

  /// A count is believed only as far as there are bytes: it allocates nothing by itself.
  template <class List>
  void get_list(List& list) {
    std::uint32_t count = 0;
    get(count);
    constexpr std::size_t item_size_min = sizeof(std::uint32_t);
    if (!good_ || bytes_.size() / item_size_min < count) {
      good_ = false;
      return;
    }
    list.reserve(count);
    for (; good_ && count > 0; --count) {
      get(list.emplace_back());
    }
  }

  std::string_view bytes_;
  bool good_ = true;
};

template <class Variant, std::size_t index = 0>
bool decode_as(std::size_t wanted, std::string_view bytes, Variant& message) {
  if constexpr (index == std::variant_size_v<Variant>) {
    return false;
  } else if (wanted != index) {
    return decode_as<Variant, index + 1>(wanted, bytes, message);
  } else {
    Reader read{bytes};
    fields(read, message.template emplace<index>());
    return read.good();
  }
}

}  // namespace

void encode(const ToSupervisor& message, std::string& out) {
  encode_any(message, out);
}

void encode(const FromSupervisor& message, std::string& out) {
  encode_any(message, out);
}

void FrameReader::append(std::string_view bytes) {
  buffer_.erase(0, used_);
  used_ = 0;
  buffer_.append(bytes);
}

long FrameReader::read_from(int fd) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): read fills it.
  std::array<char, read_size> bytes;
  const ssize_t got = ::read(fd, bytes.data(), bytes.size());
  if (got > 0) {
    append({bytes.data(), static_cast<std::size_t>(got)});
  }
  return got;
}

template <class Message>
FrameReader::Got FrameReader::take(Message& message) {
  while (true) {
    const std::string_view rest = std::string_view{buffer_}.substr(used_);
    std::uint32_t size = 0;
    Reader head{rest};
    head(size);
    if (!head.good()) {
      return Got::nothing;
    }
    if (size == 0 || size > frame_size_max) {
      return Got::broken;
    }
    if (rest.size() - sizeof size < size) {
      return Got::nothing;
    }
    const std::string_view body = rest.substr(sizeof size, size);
    used_ += sizeof size + size;
    const auto type = static_cast<unsigned char>(body.front());
    const std::size_t index = std::size_t{type} - first_type(message);
    if (type < first_type(message) || index >= std::variant_size_v<Message>) {
      continue;
    }
    return decode_as(index, body.substr(1), message) ? Got::message : Got::broken;
  }
}

FrameReader::Got FrameReader::next(ToSupervisor& message) {
  return take(message);
}

FrameReader::Got FrameReader::next(FromSupervisor& message) {
  return take(message);
}

}  // namespace cattino::supervisor
