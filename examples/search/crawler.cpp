#include "crawler.hpp"

#include <filesystem>
#include <system_error>
#include <utility>

namespace search {

namespace fs = std::filesystem;

Crawler::Crawler(std::string directory) {
  while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
  directories_.push_back(std::move(directory));
}

void Crawler::step(std::vector<std::string>& files, const std::function<void(const Warning&)>& warn) {
  if (is_finished()) return;
  const fs::path directory = std::move(directories_.back());
  directories_.pop_back();
  auto failed = [&](const fs::path& path, const std::error_code& error) {
    warn({Warning::Kind::failed, path.native(), error.message()});
  };

  std::error_code error;
  fs::directory_iterator at(directory, error);
  while (!error && at != fs::directory_iterator()) {
    std::error_code status_error;
    const fs::file_status status = at->symlink_status(status_error);
    if (status_error) {
      failed(at->path(), status_error);
    } else if (fs::is_directory(status)) {
      directories_.push_back(at->path().native());
    } else if (fs::is_regular_file(status)) {
      files.push_back(at->path().native());
    }
    at.increment(error);
  }
  if (error) failed(directory, error);
}

}  // namespace search
