// The channels, messages and errors that host and peer use in the fuzz targets.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <vector>

#include "coproc/channel.hpp"
#include "coproc/error_payload.hpp"

namespace fuzz {

enum class Lane { a, b };

inline coproc::ChannelId channel(std::size_t which) {
  switch (which) {
    case 1:
      return 7;
    case 2:
      return Lane::b;
    case 3:
      return "text";
    default:
      return {};
  }
}
inline constexpr std::size_t kChannels = 4;

struct Data {
  int value = 0;
  std::vector<std::string> words;
  int priority = 0;
};

/// A type whose values take much more memory than their encoding.
struct Details {
  int code = 0;
  std::list<char> path;
};

/// Calls `use` with an object of the type that `which` names.
template <class Use>
void with_type(std::size_t which, Use use) {
  switch (which) {
    case 1:
      return use(std::string());
    case 2:
      return use(Data());
    case 3:
      return use(std::vector<bool>());
    default:
      return use(int());
  }
}
inline constexpr std::size_t kTypes = 4;

/// Calls `use` with the row of a known error.
template <class Use>
void with_error(std::size_t which, Use use) {
  using coproc::detail::known_error;
  switch (which) {
    case 1:
      return use(known_error<Details>());
    case 2:
      return use(known_error<std::system_error>());
    case 3:
      return use(known_error<coproc::DecodeError>());
    case 4:
      return use(known_error<std::bad_alloc>());
    case 5:
      return use(known_error<Data>());
    default:
      return use(known_error<std::runtime_error>());
  }
}
inline constexpr std::size_t kErrors = 6;

}  // namespace fuzz
