// The copy of the programs that the backend runs from.
#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/version.h"
#include "cli/backend.h"
#include "sys/files.h"

namespace cattino::cli {

namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 2> programs = {"meow-supervisor", "meowd"};

/// FNV-1a, eight bytes at a time: it tells builds apart, it protects from nobody.
std::uint64_t mixed(std::uint64_t hash, std::string_view bytes) {
  constexpr std::uint64_t prime = 1099511628211ULL;
  while (!bytes.empty()) {
    std::uint64_t word = 0;
    const std::size_t taken = std::min(sizeof(word), bytes.size());
    bytes.copy(reinterpret_cast<char*>(&word), taken);
    hash = (hash ^ word) * prime;
    hash ^= hash >> 29U;
    bytes.remove_prefix(taken);
  }
  return hash;
}

Error cannot_copy(const std::string& what, int error_number) {
  Error error = system_error("copy the backend's programs to", what, error_number);
  error.code = ErrorCode::unavailable;
  return error;
}

Status write_program(const std::string& path, std::string_view content) {
  const sys::Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700));
  if (!file) {
    return cannot_copy(path, errno);
  }
  if (const int error_number = sys::write_all(file.get(), content); error_number != 0) {
    return cannot_copy(path, error_number);
  }
  return fsync(file.get()) == 0 ? ok() : Status(cannot_copy(path, errno));
}

bool complete(const std::string& directory) {
  return std::all_of(programs.begin(), programs.end(), [&directory](const char* program) {
    return access((directory + "/" + program).c_str(), X_OK) == 0;
  });
}

}  // namespace

Result<std::string> keep_programs(const std::string& from, const std::string& binaries) {
  std::array<std::string, programs.size()> contents;
  std::uint64_t hash = 14695981039346656037ULL;
  for (std::size_t i = 0; i < programs.size(); ++i) {
    const std::string path = fmt::format("{}/{}", from, programs[i]);
    auto content = sys::read_file(path);
    if (!content) {
      return Error{
          ErrorCode::unavailable,
          "the backend cannot be started: " + content.error().message,
          {},
          fmt::format(
              "meow needs {} beside it; install it again, or set CATTINO_BIN", programs[i])};
    }
    contents[i] = std::move(*content);
    hash = mixed(hash, contents[i]);
  }
  std::string kept = fmt::format("{}/{}-{:016x}", binaries, program_version, hash);
  if (complete(kept)) {
    return kept;
  }
  std::string temporary = binaries + "/.new-XXXXXX";
  if (const int error_number = sys::make_directories_errno(binaries, 0700); error_number != 0) {
    return cannot_copy(binaries, error_number);
  }
  if (mkdtemp(temporary.data()) == nullptr) {
    return cannot_copy(binaries, errno);
  }
  Status written = ok();
  for (std::size_t i = 0; i < programs.size() && written; ++i) {
    written = write_program(fmt::format("{}/{}", temporary, programs[i]), contents[i]);
  }
  std::error_code ignored;
  if (written && rename(temporary.c_str(), kept.c_str()) == 0) {
    return kept;
  }
  const int rename_error = errno;
  fs::remove_all(temporary, ignored);
  if (!written) {
    return written.error();
  }
  if (complete(kept)) {
    return kept;  // another command was faster
  }
  return cannot_copy(kept, rename_error);
}

}  // namespace cattino::cli
