// coproc-images: what is in PNG and JPEG files, decoded by a pool of workers in a box.
//
// A file that makes its decoder crash, use all memory or do what no decoder does costs its own line and nothing else:
// try --taken-over, and the same with --no-sandbox.
#include <coproc/coproc.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

#include "decode.hpp"
#include "deeds.hpp"
#include "options.hpp"

namespace {

using images::Options;
using images::Picture;

/// A file on its way to a decoder, which has no files.
struct File {
  std::string name;
  std::vector<std::uint8_t> bytes;
};

File read_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::filesystem::path(path).filename().string(),
          std::vector<std::uint8_t>(std::istreambuf_iterator<char>(stream), {})};
}

/// Runs in a worker.
struct Decode {
  std::map<std::string, std::string> deeds;

  Picture operator()(const File& file) const {
    const auto deed = deeds.find(file.name);
    if (deed != deeds.end()) throw std::runtime_error(images::commit(deed->second));
    return images::decode(file.bytes);
  }
};

/// strict(): a decoder that tries to open a file does not get an error. It ends, and its file is named.
coproc::WorkerOptions boxed_decoder(const Options& options) {
  coproc::WorkerOptions worker{.name = "decoder"};
  if (!options.is_boxed) return worker;
  worker.sandbox = coproc::Sandbox::compute().strict();
  worker.limits.memory = options.memory_mib << 20;
  return worker;
}

/// The exit code.
int run(const Options& options) {
  coproc::Pool pool{{.workers = options.workers, .worker = boxed_decoder(options)}};
  const coproc::TaskOptions tasks{.time_limit = std::chrono::duration<double>(options.time_limit)};
  auto files = options.files | std::views::transform(read_file);
  int code = 0;
  for (auto& result : pool.map(Decode{options.deeds}, files, tasks).as_results()) {
    const std::string& path = options.files[result.index()];
    try {
      const Picture picture = result.value();
      std::printf("%-4s %ux%u #%02x%02x%02x %s\n", picture.format.c_str(), picture.width, picture.height,
                  picture.mean[0], picture.mean[1], picture.mean[2], path.c_str());
    } catch (const std::exception& error) {
      std::fprintf(stderr, "coproc-images: %s: %s\n", path.c_str(), error.what());
      code = 1;
    }
  }
  return std::fflush(stdout) == 0 ? code : 2;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = images::read_options(argc, argv);
  if (!options) {
    std::fputs(images::kUsage, stderr);
    return 2;
  }
  try {
    return run(*options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "coproc-images: %s\n", error.what());
    return 2;
  }
}
