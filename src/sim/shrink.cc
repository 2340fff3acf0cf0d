// Trials in processes of their own, and fewer and fewer events.
#include "sim/shrink.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>
#include <utility>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/event_text.h"

namespace cattino::sim {
namespace {

using Told = std::vector<Story::Told>;

/// What parent and child both see.
struct Shared {
  static constexpr std::size_t text_bytes = 1000;
  char what[text_bytes] = {};  // NOLINT(modernize-avoid-c-arrays)
  Story::Tally tally;
  std::uint64_t digest = 0;
  std::uint64_t told = 0;
};

/// A page of memory that survives the child.
class SharedPage {
 public:
  SharedPage()
      : page_(mmap(
            nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)),
        shared_(page_ == MAP_FAILED ? nullptr : new (page_) Shared) {}
  ~SharedPage() {
    if (shared_ != nullptr) {
      munmap(page_, sizeof(Shared));
    }
  }
  SharedPage(const SharedPage&) = delete;
  SharedPage& operator=(const SharedPage&) = delete;
  Shared& operator*() { return *shared_; }
  [[nodiscard]] bool ok() const { return shared_ != nullptr; }

 private:
  void* page_;
  Shared* shared_;
};

/// True if `work` broke a rule.
bool breaks_in_child(Shared& shared, const std::function<void()>& work) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    if (std::freopen("/dev/null", "w", stderr) == nullptr) {
      _exit(2);
    }
    try {
      work();
    } catch (const std::exception& broken) {
      std::strncpy(shared.what, broken.what(), Shared::text_bytes - 1);
      _exit(1);
    }
    _exit(0);
  }
  int status = 0;
  return waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

/// The events, told to a new scheduler.
void replay(const core::Policy& policy, const Told& told, const std::vector<bool>& left_out) {
  core::Scheduler scheduler(policy);
  Judge judge(scheduler, policy);
  for (std::size_t i = 0; i < told.size(); ++i) {
    if (left_out[i]) {
      continue;
    }
    core::Actions actions;
    scheduler.step(told[i].at, told[i].event, actions);
    scheduler.check_invariants();
    judge.look(told[i].at, told[i].event, actions);
  }
}

/// Leaves out every run of `size` events without which it still breaks.
template <class Breaks>
void leave_out(std::vector<bool>& left_out, std::size_t size, const Breaks& breaks) {
  for (std::size_t begin = 0; begin < left_out.size(); begin += size) {
    std::vector<bool> without = left_out;
    for (std::size_t i = begin; i < std::min(begin + size, without.size()); ++i) {
      without[i] = true;
    }
    if (without != left_out && breaks(without)) {
      left_out = std::move(without);
    }
  }
}

}  // namespace

Verdict try_seed(std::uint64_t seed, std::uint64_t events) {
  SharedPage page;
  if (!page.ok()) {
    return {true, "no memory", {}, 0, 0};
  }
  Shared& shared = *page;
  Verdict verdict;
  verdict.broken = breaks_in_child(shared, [&shared, seed, events] {
    Story story(seed);
    story.count_in(&shared.told);
    story.live(events);
    story.let_all_end();
    shared.tally = story.tally();
    shared.digest = story.digest();
  });
  verdict.what = shared.what;
  verdict.tally = shared.tally;
  verdict.digest = shared.digest;
  verdict.told = shared.told;
  return verdict;
}

std::vector<std::string> shrink(std::uint64_t seed, std::uint64_t events, std::uint64_t told) {
  Story story(seed);
  story.stop_at(told);
  try {
    story.live(events);
    story.let_all_end();
  } catch (const Story::Stopped&) {
    // It has been told all but what breaks it.
  }
  const Told& all = story.told();
  std::vector<bool> left_out(all.size(), false);
  SharedPage page;
  const core::Policy policy = any_policy(seed);
  const auto breaks = [&](const std::vector<bool>& without) {
    return breaks_in_child(*page, [&] { replay(policy, all, without); });
  };
  if (!page.ok() || !breaks(left_out)) {
    return {};
  }
  for (std::size_t size = all.size() / 2; size > 0; size /= 2) {
    leave_out(left_out, size, breaks);
  }
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!left_out[i]) {
      lines.push_back(text(all[i].at, all[i].event));
    }
  }
  return lines;
}

}  // namespace cattino::sim
