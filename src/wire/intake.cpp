#include "wire/intake.hpp"

#include <algorithm>

namespace coproc::inline v0::wire {

namespace {

constexpr std::size_t kMostPrinted = 4096;

void keep_last(std::string& printed, std::string_view more) {
  printed += more;
  if (printed.size() > kMostPrinted) printed.erase(0, printed.size() - kMostPrinted);
}

}  // namespace

bool take_marker(std::span<const std::byte>& bytes, std::string& printed) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::size_t at = text.find(kMarker);
  if (at != std::string_view::npos) {
    keep_last(printed, text.substr(0, at));
    bytes = bytes.subspan(at + kMarker.size());
    return true;
  }
  const std::size_t kept = std::min(text.size(), kMarker.size() - 1);
  keep_last(printed, text.substr(0, text.size() - kept));
  bytes = bytes.last(kept);
  return false;
}

}  // namespace coproc::inline v0::wire
