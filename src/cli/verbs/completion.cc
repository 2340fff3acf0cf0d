// meow completion: a few lines for the shell, which ask __complete; the grammar is in one place.
#include <algorithm>

#include "cli/verbs/verbs.h"
#include "wire/tasks.h"

namespace cattino::cli::verbs {

namespace {

constexpr const char* bash =
    R"sh(# meow completion bash: add to ~/.bashrc:  eval "$(meow completion bash)"
_meow() {
  local IFS=$'\n'
  COMPREPLY=($(meow __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _meow meow
)sh";

constexpr const char* zsh = R"sh(#compdef meow
# meow completion zsh: add to ~/.zshrc:  eval "$(meow completion zsh)"
_meow() {
  local -a candidates
  candidates=("${(@f)$(meow __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$candidates[1]" ]]; then
    compadd -- $candidates
  else
    _files
  fi
}
compdef _meow meow
)sh";

constexpr const char* fish =
    R"sh(# meow completion fish: add to ~/.config/fish/completions/meow.fish
function __meow_complete
    set -l words (commandline -opc) (commandline -ct)
    meow __complete $words[2..-1] 2>/dev/null
end
complete -c meow -a '(__meow_complete)'
)sh";

/// Names of tasks and groups. Asks only a backend that runs: a tab starts nothing.
void add_names(std::vector<std::string>& words, const Backend& backend) {
  Client client([&] { return backend.connect(); });
  auto answer = client.get<wire::TaskList>("/v1/tasks?limit=1000&reasons=0");
  if (!answer) {
    return;
  }
  for (const wire::Task& task : answer->value.tasks) {
    words.push_back(task.shown.empty() ? task.fullname : task.shown);
  }
  for (const wire::Group& group : answer->value.groups) {
    words.push_back(group.fullname);
  }
}

}  // namespace

Result<int> completion(Context& context) {
  const std::string& shell = context.options.shell;
  const char* script = shell == "bash" ? bash : shell == "zsh" ? zsh : fish;
  context.output.document(json_quoted(script));
  context.output.text(script);
  return 0;
}

std::vector<std::string> completions_of(
    const Backend& backend, const std::vector<std::string>& words) {
  Completions completions = cli::complete(words);
  const std::string last = words.empty() ? "" : words.back();
  if (completions.names) {
    add_names(completions.words, backend);
  }
  const auto differs = [&](const std::string& word) {
    return !word.starts_with(last);
  };
  std::vector<std::string>& found = completions.words;
  found.erase(std::remove_if(found.begin(), found.end(), differs), found.end());
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return std::move(found);
}

Result<int> complete(Context& context) {
  for (const std::string& word : completions_of(context.backend, context.options.words)) {
    context.output.raw(word + "\n");
  }
  return 0;
}

}  // namespace cattino::cli::verbs
