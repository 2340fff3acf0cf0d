// What looks like a secret: by the words in its name, by a password in a URL, by well-known prefixes.
#include "engine/secrets.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace cattino::engine {

namespace {

/// Words between underscores; several of them also appear joined to others ("APIKEY").
constexpr std::array<std::string_view, 9> secret_words = {
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "CREDENTIAL",
    "CREDENTIALS",
    "APIKEY",
    "PWORD"};
constexpr std::array<std::string_view, 6> secret_ends = {
    "_KEY", "_PASS", "_PW", "_AUTH", "_DSN", "_PAT"};
constexpr std::array<std::string_view, 8> secret_prefixes = {
    "ghp_", "gho_", "github_pat_", "glpat-", "hf_", "sk-", "xoxb-", "AKIA"};

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) {
    return static_cast<char>(std::toupper(c));
  });
  return out;
}

bool has_password_in_url(std::string_view value) {
  const std::size_t scheme = value.find("://");
  if (scheme == std::string_view::npos) {
    return false;
  }
  const std::string_view rest = value.substr(scheme + 3);
  const std::size_t at = rest.find('@');
  const std::size_t colon = rest.find(':');
  return at != std::string_view::npos && colon < at && rest.find('/') > at;
}

}  // namespace

bool looks_secret(std::string_view name, std::string_view value) {
  if (value.empty()) {
    return false;
  }
  const std::string big = upper(name);
  const auto contained = [&big](std::string_view word) {
    return big.find(word) != std::string::npos;
  };
  const auto ends = [&big](std::string_view end) {
    return big.ends_with(end);
  };
  const auto begins = [value](std::string_view prefix) {
    return value.starts_with(prefix);
  };
  return std::any_of(secret_words.begin(), secret_words.end(), contained) ||
         std::any_of(secret_ends.begin(), secret_ends.end(), ends) ||
         std::any_of(secret_prefixes.begin(), secret_prefixes.end(), begins) ||
         has_password_in_url(value);
}

std::vector<std::pair<std::string, std::string>> masked(const std::vector<std::string>& variables) {
  std::vector<std::pair<std::string, std::string>> shown;
  for (const std::string& variable : variables) {
    const std::size_t equals = variable.find('=');
    std::string name = variable.substr(0, equals);
    std::string value = equals == std::string::npos ? std::string() : variable.substr(equals + 1);
    if (looks_secret(name, value)) {
      value = "***";
    }
    shown.emplace_back(std::move(name), std::move(value));
  }
  return shown;
}

}  // namespace cattino::engine
