// A database with some of everything in it, as bytes that tests damage, and all that can be read of one.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace cattino::store::testing {

/// A directory in memory if there is such a thing: many small databases cost no disk there.
class MemoryDirectory {
 public:
  MemoryDirectory();
  ~MemoryDirectory();
  MemoryDirectory(const MemoryDirectory&) = delete;
  MemoryDirectory& operator=(const MemoryDirectory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// The files of a database.
struct Image {
  std::string database;
  std::string log;  ///< empty: it was closed
};

/// Everything that a store and a reader tell, as text that is equal if and only if it says the same.
struct Contents {
  std::map<std::uint64_t, std::string> live;   ///< submissions, as the core is told of them
  std::map<std::uint64_t, std::string> tasks;  ///< as a list shows them
  std::vector<std::string> rest;               ///< groups, attempts, names
};

struct Sample {
  Image image;
  Contents base;  ///< what is in it without its log
};

/// Made by a real store in `directory`: submissions that are over, that run and that are still staged, with
/// groups, edges, attempts, environments and facts. `open`: as after kill -9, with a log.
Sample make_sample(const std::string& directory, bool open);

/// Makes `path` and its log what the image is.
void write_image(const Image& image, const std::string& path);

/// One act of damage.
struct Stroke {
  enum class Kind : std::uint8_t { set, zeros, cut };
  Kind kind = Kind::set;
  std::size_t place = 0;   ///< modulo the file's size
  std::uint8_t value = 0;  ///< of the byte; of zeros, how many
};

/// How many bytes are others now.
std::size_t apply(const Stroke& stroke, std::string& file);

/// Opens, loads what is live into a core, lists, changes a little and closes. Or the first error.
Result<Contents> read_all(const std::string& path);

/// How many records of `before` are gone or say something else: as they were loaded or as they were listed,
/// whichever is more. With a submission its tasks are gone: that is one.
std::size_t lost(const Contents& before, const Contents& after);

}  // namespace cattino::store::testing
