// A directory of files for one test, removed after it.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace search {

class WithFiles : public testing::Test {
 protected:
  WithFiles() {
    std::string pattern = (std::filesystem::temp_directory_path() / "coproc_search_XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr)
      throw std::filesystem::filesystem_error("mkdtemp", std::error_code(errno, std::generic_category()));
    directory_ = pattern;
  }
  ~WithFiles() override { std::filesystem::remove_all(directory_); }

  /// Makes the file and returns its path.
  std::string file(const std::string& name, std::string_view text) {
    const auto path = directory_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path.string();
  }

  std::filesystem::path directory_;
};

}  // namespace search
