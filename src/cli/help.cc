// Help for 80 columns, and the same as Markdown.
#include "cli/help.h"

#include <cctype>

#include <fmt/core.h>

#include "cli/terminal.h"
#include "settings/settings.h"

namespace cattino::cli {

namespace {

constexpr std::size_t page_columns = 80;
constexpr std::size_t doc_column = 28;

using Statuses = std::vector<std::pair<std::string, std::string>>;

/// Exit statuses of a verb; of all that have none of their own under "".
Statuses statuses_of(const std::string& verb) {
  if (verb == "wait") {
    return {
        {"0", "all are Done"},
        {"1", "some Failed"},
        {"4", "only cancellations besides"},
        {"5", "the timeout is over"},
        {"6", "nothing that is left can go on without you"}};
  }
  if (verb == "watch") {
    return {{"the task's own", "with NAME; 128 + the signal that killed it"}};
  }
  if (verb == "test") {
    return {{"0", "it runs"}, {"1", "the task does not"}, {"3", "the backend does not"}};
  }
  return {};
}

Statuses common_statuses() {
  return {
      {"0", "it worked"},
      {"1", "it failed"},
      {"2", "the request is wrong"},
      {"3", "no backend can be reached"}};
}

std::string in_one_line(const Statuses& statuses) {
  std::string text;
  for (const auto& [status, meaning] : statuses) {
    text += fmt::format("{}{} {}", text.empty() ? "Exit status: " : "; ", status, meaning);
  }
  return text + ".";
}

/// `text` on lines of the page, the first of them behind `lead`.
std::string indented(const std::string& lead, const std::string& text) {
  std::string page = lead;
  if (columns_of(lead) + 1 > doc_column) {
    page += "\n" + std::string(doc_column, ' ');
  } else {
    page += std::string(doc_column - columns_of(lead), ' ');
  }
  bool first = true;
  for (const std::string& line : wrapped(text, page_columns - doc_column)) {
    page += first ? line : "\n" + std::string(doc_column, ' ') + line;
    first = false;
  }
  return page + "\n";
}

std::string paragraph(const std::string& text) {
  std::string page;
  for (const std::string& line : wrapped(text, page_columns)) {
    page += line + "\n";
  }
  return page;
}

std::string joined(const std::vector<std::string>& words, const std::string& between) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : between) + word;
  }
  return text;
}

std::string usage_of(const VerbPage& verb) {
  std::string usage = "meow " + verb.name + " [OPTIONS]";
  for (const OptionPage& option : verb.options) {
    if (option.positional) {
      const std::string name = option.names.front();
      usage += option.required ? " " + name : " [" + name + "]";
    }
  }
  return usage;
}

/// A "|" in a cell of a table.
std::string escaped(std::string text) {
  for (std::size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2)) {
    text.insert(at, "\\");
  }
  return text;
}

bool is_common(const OptionPage& option) {
  const std::string& name = option.names.back();
  return name == "--json" || name == "--quiet" || name == "--help";
}

std::string statuses_markdown(const std::vector<VerbPage>& verbs) {
  std::string page = "| command | status | meaning |\n|---|---|---|\n";
  const auto add = [&](const std::string& command, const Statuses& statuses) {
    for (const auto& [status, meaning] : statuses) {
      page += fmt::format("| {} | {} | {} |\n", command, status, meaning);
    }
  };
  add("all", common_statuses());
  for (const VerbPage& verb : verbs) {
    add("`meow " + verb.name + "`", statuses_of(verb.name));
  }
  return page;
}

std::string verb_markdown(const VerbPage& verb) {
  std::string page =
      fmt::format("### meow {}\n\n`{}`: {}.\n", verb.name, usage_of(verb), escaped(verb.doc));
  std::string rows;
  for (const OptionPage& option : verb.options) {
    if (is_common(option)) {
      continue;
    }
    const std::string value = option.value.empty() ? "" : " " + option.value;
    const std::string names = "`" + joined(option.names, "`, `");
    rows += fmt::format("| {}{}` | {} |\n", escaped(names), escaped(value), escaped(option.doc));
  }
  if (!rows.empty()) {
    page += "\n| | |\n|---|---|\n" + rows;
  }
  if (!verb.footer.empty()) {
    page += "\n```text\n" + verb.footer + "\n```\n";
  }
  return page;
}

}  // namespace

std::string help_text(const std::vector<VerbPage>& verbs) {
  std::string page = "Runs tasks on the devices of this machine when they are free.\n\n";
  page += "Usage: meow VERB [OPTIONS] [ARGUMENTS]\n\nVerbs:\n";
  for (const VerbPage& verb : verbs) {
    page += fmt::format("  {:<12}{}\n", verb.name, verb.doc);
  }
  page += "\n`meow VERB --help` tells more of each; `meow --version` prints the version.\n";
  page += paragraph(in_one_line(common_statuses()));
  page += "`meow wait`, `meow watch NAME` and `meow test` have their own: see their --help.\n";
  return page;
}

std::string help_text(const VerbPage& verb) {
  std::string page = fmt::format("Usage: {}\n\n{}.\n", usage_of(verb), verb.doc);
  page[page.find("\n\n") + 2] =
      static_cast<char>(std::toupper(static_cast<unsigned char>(page[page.find("\n\n") + 2])));
  std::string arguments;
  std::string options;
  std::string common;
  for (const OptionPage& option : verb.options) {
    const std::string value = option.value.empty() ? "" : " " + option.value;
    // Those without a short name stand where the long ones of others do.
    const std::string aside = option.names.front().starts_with("--") ? "      " : "  ";
    const std::string lead =
        (option.positional ? "  " : aside) + joined(option.names, ", ") + value;
    std::string& part = option.positional ? arguments : is_common(option) ? common : options;
    part += indented(lead, option.doc);
  }
  page += arguments.empty() ? "" : "\nArguments:\n" + arguments;
  page += "\nOptions:\n" + options + common;
  page += verb.footer.empty() ? "" : "\n" + verb.footer + "\n";
  if (const Statuses statuses = statuses_of(verb.name); !statuses.empty()) {
    page += "\n" + paragraph(in_one_line(statuses));
  }
  return page;
}

std::string reference_markdown(const std::vector<VerbPage>& verbs) {
  std::string page =
      "# Reference\n\n"
      "Written by `tools/reference.sh` from the program itself: change it there.\n\n"
      "## Commands\n\n"
      "Every command takes `--json` (print JSON), `-q`, `--quiet` (print nothing but errors) and "
      "`-h`, "
      "`--help`.\nA NAME is a task's or a group's fullname (`pipeline/train`), a task's number "
      "(`#12`), or both (`train#12`).\n\n";
  for (const VerbPage& verb : verbs) {
    page += verb_markdown(verb) + "\n";
  }
  page += "## Exit statuses\n\n" + statuses_markdown(verbs);
  page +=
      "\n## Settings\n\n"
      "Of the file `$CATTINO_SETTINGS`, else "
      "`${XDG_CONFIG_HOME:-~/.config}/cattino/settings.toml`; "
      "each is `key = value` in TOML.\n\n" +
      settings::reference_markdown();
  page += "\n## Environment variables\n\n" + settings::variables_markdown();
  return page;
}

}  // namespace cattino::cli
