// A table by dense, growing id: pages that come with their first record and go with their last.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/check.h"

namespace cattino::core {

/// Records never move while they live: pointers to them stay good until erase().
template <class Record>
class PagedTable {
 public:
  Record* find(std::uint64_t id) {
    Page* page = page_of(id);
    if (page == nullptr) {
      return nullptr;
    }
    std::optional<Record>& cell = page->cells[id % page_size];
    return cell.has_value() ? &*cell : nullptr;
  }
  const Record* find(std::uint64_t id) const { return const_cast<PagedTable*>(this)->find(id); }

  /// The record must not be there yet.
  Record& create(std::uint64_t id) {
    const std::size_t index = id / page_size;
    if (index >= pages_.size()) {
      pages_.resize(index + 1);
    }
    if (pages_[index] == nullptr) {
      pages_[index] = std::make_unique<Page>();
    }
    std::optional<Record>& cell = pages_[index]->cells[id % page_size];
    CHECK(!cell.has_value());
    ++pages_[index]->live;
    ++size_;
    return cell.emplace();
  }

  void erase(std::uint64_t id) {
    Page* page = page_of(id);
    CHECK(page != nullptr && page->cells[id % page_size].has_value());
    page->cells[id % page_size].reset();
    --size_;
    if (--page->live == 0) {
      pages_[id / page_size].reset();
    }
  }

  [[nodiscard]] std::size_t size() const { return size_; }

  /// Calls `visit(record)` in order of ids.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const std::unique_ptr<Page>& page : pages_) {
      if (page != nullptr) {
        for_each_on(*page, visit);
      }
    }
  }

 private:
  static constexpr std::size_t page_size = 256;

  struct Page {
    std::array<std::optional<Record>, page_size> cells;
    std::size_t live = 0;
  };

  template <class Visit>
  static void for_each_on(const Page& page, Visit& visit) {
    for (const std::optional<Record>& cell : page.cells) {
      if (cell.has_value()) {
        visit(*cell);
      }
    }
  }

  Page* page_of(std::uint64_t id) {
    const std::size_t index = id / page_size;
    return index < pages_.size() ? pages_[index].get() : nullptr;
  }

  std::vector<std::unique_ptr<Page>> pages_;
  std::size_t size_ = 0;
};

}  // namespace cattino::core
