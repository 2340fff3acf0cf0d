// For tests: a /proc and /sys of one's own.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "sys/test_directory.h"

namespace cattino::devices {

class TestMachine {
 public:
  TestMachine() {
    write(
        "/proc/meminfo",
        "MemTotal:       65536000 kB\nMemFree: 1 kB\nMemAvailable:   32768000 kB\n");
  }

  void write(const std::string& path, const std::string& text) const {
    const std::filesystem::path file(root() + path);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  /// A device on the PCI bus; `driver` empty: none serves it.
  void add_pci(
      const std::string& address,
      const std::string& vendor,
      const std::string& device_class,
      const std::string& driver) const {
    const std::string folder = "/sys/bus/pci/devices/" + address;
    write(folder + "/vendor", vendor + "\n");
    write(folder + "/class", device_class + "\n");
    if (!driver.empty()) {
      std::filesystem::create_symlink(
          "../../../../bus/pci/drivers/" + driver, root() + folder + "/driver");
    }
  }

  [[nodiscard]] const std::string& root() const { return directory_.path(); }

 private:
  sys::TestDirectory directory_;
};

}  // namespace cattino::devices
