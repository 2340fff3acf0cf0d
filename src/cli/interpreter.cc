// The order in which interpreters are tried; the package for those that lack it.
#include "cli/interpreter.h"

#include <array>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>

#include <fmt/core.h>
#include <unistd.h>

#include "sys/files.h"

namespace cattino::cli {

namespace {

namespace fs = std::filesystem;

/// An environment's library directory that holds the package.
std::string in_site_packages(const fs::path& prefix, const Files& files) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(prefix / "lib", error)) {
    fs::path packages = entry.path() / "site-packages";
    if (entry.path().filename().string().starts_with("python3") &&
        files.exists(packages / "cattino" / "__init__.py")) {
      return packages;
    }
  }
  return {};
}

}  // namespace

std::string in_path(const std::string& name, const std::string& path, const Files& files) {
  if (name.find('/') != std::string::npos) {
    return files.is_executable(name) ? name : "";
  }
  std::string_view rest = path;
  while (!rest.empty()) {
    const std::size_t end = rest.find(':');
    const std::string directory(rest.substr(0, end));
    std::string candidate = (directory.empty() ? "." : directory) + "/" + name;
    if (files.is_executable(candidate)) {
      return candidate;
    }
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return {};
}

Files real_files() {
  const auto is_executable = [](const std::string& path) {
    std::error_code error;
    return fs::is_regular_file(path, error) && access(path.c_str(), X_OK) == 0;
  };
  const auto exists = [](const std::string& path) {
    std::error_code error;
    return fs::exists(path, error);
  };
  return {is_executable, exists};
}

Result<std::string> choose_interpreter(
    const std::string& wanted, const Surroundings& surroundings, const Files& files) {
  const std::string path = surroundings.value("PATH");
  struct Source {
    const char* said_by;
    std::string value;
  };
  const std::array<Source, 2> asked = {
      Source{"--python", wanted}, Source{"CATTINO_PYTHON", surroundings.value("CATTINO_PYTHON")}};
  for (const Source& source : asked) {
    if (source.value.empty()) {
      continue;
    }
    std::string found = in_path(source.value, path, files);
    if (found.empty()) {
      return Error{
          ErrorCode::invalid,
          fmt::format("there is no interpreter '{}'", source.value),
          source.said_by,
          "give the path of a Python 3"};
    }
    return found;
  }
  for (const char* variable : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
    const std::string prefix = surroundings.value(variable);
    std::string candidate = prefix + "/bin/python";
    if (!prefix.empty() && files.is_executable(candidate)) {
      return candidate;
    }
  }
  for (const char* name : {"python3", "python"}) {
    std::string found = in_path(name, path, files);
    if (!found.empty()) {
      return found;
    }
  }
  return Error{
      ErrorCode::invalid,
      "there is no python3 in PATH to run the script with",
      {},
      "name one with --python, or set CATTINO_PYTHON"};
}

std::string find_package(const Surroundings& surroundings, const Files& files) {
  if (std::string given = surroundings.value("CATTINO_PACKAGE"); !given.empty()) {
    return given;
  }
  fs::path above = fs::path(surroundings.program).parent_path();
  if (std::string installed = in_site_packages(above.parent_path(), files); !installed.empty()) {
    return installed;
  }
  constexpr int levels_max = 4;  // build/<preset>/bin/meow
  for (int level = 0; level < levels_max && above != above.root_path(); ++level) {
    above = above.parent_path();
    if (files.exists(above / "python" / "cattino" / "__init__.py")) {
      return above / "python";
    }
  }
  return {};
}

Result<std::string> lent_directory(const std::string& package, const std::string& state) {
  if (!package.ends_with("/site-packages")) {
    return package;
  }
  const std::size_t hash = std::hash<std::string>{}(package);
  const fs::path directory = fs::path(state) / "lent" / fmt::format("{:x}", hash);
  if (const int error = sys::make_directories_errno(directory, 0700); error != 0) {
    return system_error("make the directory", directory.string(), error);
  }
  std::error_code ignored;
  for (const char* name : {"cattino", "cloudpickle"}) {
    const fs::path target = fs::path(package) / name;
    if (fs::exists(target, ignored)) {
      fs::create_directory_symlink(target, directory / name, ignored);
    }
  }
  if (!fs::exists(directory / "cattino" / "__init__.py", ignored)) {
    return system_error("lend the package in", directory.string(), ENOENT);
  }
  return directory.string();
}

}  // namespace cattino::cli
