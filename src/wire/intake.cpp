#include "wire/intake.hpp"

#include <algorithm>
#include <utility>

namespace coproc::inline v0::wire {

namespace {

constexpr std::size_t kMostPrinted = 4096;

constexpr std::pair<std::string_view, Beginning> kMarkers[] = {
    {kMarker, Beginning::agent},
    {kAgentWanted, Beginning::agent_wanted},
    {kProgramWanted, Beginning::program_wanted},
};

void keep_last(std::string& printed, std::string_view more) {
  printed += more;
  if (printed.size() > kMostPrinted) printed.erase(0, printed.size() - kMostPrinted);
}

}  // namespace

Beginning take_marker(std::span<const std::byte>& bytes, std::string& printed) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::size_t at = std::string_view::npos;
  Beginning found = Beginning::nothing_yet;
  for (const auto& [marker, meaning] : kMarkers) {
    if (const std::size_t place = text.find(marker); place < at) {
      at = place;
      found = meaning;
    }
  }
  if (found != Beginning::nothing_yet) {
    keep_last(printed, text.substr(0, at));
    bytes = bytes.subspan(at + kMarker.size());
    return found;
  }
  const std::size_t kept = std::min(text.size(), kMarker.size() - 1);
  keep_last(printed, text.substr(0, text.size() - kept));
  bytes = bytes.last(kept);
  return Beginning::nothing_yet;
}

}  // namespace coproc::inline v0::wire
