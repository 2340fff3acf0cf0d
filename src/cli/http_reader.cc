// The incremental reader of responses. No I/O.
#include <algorithm>
#include <charconv>

#include <fmt/core.h>

#include "cli/http.h"

namespace cattino::cli {

namespace {

Error malformed(std::string_view what) {
  return {ErrorCode::corrupt, fmt::format("the backend's answer is not HTTP: {}", what), {}, {}};
}

bool equal_without_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  };
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::uint64_t> number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

Status ResponseReader::feed(std::string_view bytes, std::string& body) {
  Status status = ok();
  while (status && !bytes.empty() && state_ != State::done) {
    if (state_ == State::length_body || state_ == State::chunk_data) {
      const std::size_t taken = std::min<std::uint64_t>(left_, bytes.size());
      body.append(bytes.substr(0, taken));
      bytes.remove_prefix(taken);
      left_ -= taken;
      const State after = state_ == State::length_body ? State::done : State::chunk_end;
      state_ = left_ == 0 ? after : state_;
    } else if (state_ == State::body_until_end) {
      body.append(bytes);
      return ok();
    } else if (take_line(bytes)) {
      status = on_line();
      line_.clear();
    } else if (head_bytes_ > head_bytes_max) {
      return malformed("its head is too long");
    }
  }
  return status;
}

Status ResponseReader::end_of_input() {
  if (state_ == State::body_until_end) {
    state_ = State::done;
  }
  return done() ? ok() : Status(malformed("it ends in the middle"));
}

/// Moves bytes into `line_`; true when it is complete, then without its end.
bool ResponseReader::take_line(std::string_view& bytes) {
  const std::size_t end = bytes.find('\n');
  const std::size_t taken = end == std::string_view::npos ? bytes.size() : end;
  line_.append(bytes.substr(0, taken));
  head_bytes_ = head_done() ? line_.size() : head_bytes_ + taken + 1;
  bytes.remove_prefix(end == std::string_view::npos ? taken : taken + 1);
  if (end == std::string_view::npos) {
    return false;
  }
  if (line_.ends_with('\r')) {
    line_.pop_back();
  }
  return true;
}

Status ResponseReader::on_line() {
  switch (state_) {
    case State::status_line:
      return on_status_line();
    case State::header:
      return on_header();
    case State::chunk_size:
      return on_chunk_size();
    case State::chunk_end:
      state_ = State::chunk_size;
      return line_.empty() ? ok() : Status(malformed("a chunk is longer than it says"));
    case State::trailer:
      state_ = line_.empty() ? State::done : State::trailer;
      return ok();
    case State::length_body:
    case State::chunk_data:
    case State::body_until_end:
    case State::done:
      break;
  }
  return malformed("a line where none belongs");
}

Status ResponseReader::on_status_line() {
  const std::string_view line = line_;
  const auto status = number(line.substr(std::min<std::size_t>(line.size(), 9), 3), 10);
  if (!line.starts_with("HTTP/1.") || line.size() < 12 || !status || *status < 100) {
    return malformed("no status line");
  }
  status_ = static_cast<int>(*status);
  state_ = State::header;
  return ok();
}

Status ResponseReader::on_header() {
  if (line_.empty()) {
    on_head_end();
    return ok();
  }
  const std::string_view line = line_;
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) {
    return malformed("a header without a colon");
  }
  std::string_view value = line.substr(colon + 1);
  value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
  value.remove_suffix(value.size() - (value.find_last_not_of(" \t") + 1));
  const std::string_view key = line.substr(0, colon);
  if (equal_without_case(key, "Content-Length")) {
    length_ = number(value, 10);
    if (!length_) {
      return malformed("Content-Length is no number");
    }
  } else if (equal_without_case(key, "Transfer-Encoding")) {
    chunked_ = equal_without_case(value, "chunked");
  } else if (equal_without_case(key, "Server")) {
    server_ = value;
  }
  return ok();
}

void ResponseReader::on_head_end() {
  const bool no_body = status_ == 204 || status_ == 304;
  if (status_ < 200 && status_ != 101) {  // "100 Continue": the real one follows
    state_ = State::status_line;
    head_bytes_ = 0;
  } else if (no_body || status_ == 101 || (!chunked_ && length_ == 0U)) {
    state_ = State::done;
  } else if (chunked_) {
    state_ = State::chunk_size;
  } else if (length_) {
    left_ = *length_;
    state_ = State::length_body;
  } else {
    state_ = State::body_until_end;
  }
}

Status ResponseReader::on_chunk_size() {
  const std::string_view line = line_;
  std::string_view digits = line.substr(0, line.find(';'));
  digits = digits.substr(0, digits.find_last_not_of(" \t") + 1);
  const auto size = number(digits, 16);
  if (!size) {
    return malformed("the size of a chunk is no number");
  }
  left_ = *size;
  state_ = left_ == 0 ? State::trailer : State::chunk_data;
  return ok();
}

}  // namespace cattino::cli
