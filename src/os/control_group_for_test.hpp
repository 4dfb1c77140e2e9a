// Control groups as tests make them up.
//
// Thread safety: a value.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace coproc::inline v0::os::testing {

/// A tree of groups as it is mounted.
class Groups {
 public:
  Groups() {
    std::string name = (std::filesystem::temp_directory_path() / "coproc-groups-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) root_ = name;
  }
  Groups(const Groups&) = delete;
  Groups& operator=(const Groups&) = delete;
  ~Groups() { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  std::string read(const std::string& path) const {
    std::ifstream file(root_ + path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  const std::string& root() const { return root_; }

 private:
  std::string root_;
};

}  // namespace coproc::inline v0::os::testing
