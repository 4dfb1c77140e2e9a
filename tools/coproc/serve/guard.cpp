#include "guard.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <system_error>

namespace command {

namespace {

std::string new_token() {
  std::array<unsigned char, 16> bytes;
  // So few bytes come at once.
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw std::system_error(errno, std::generic_category(), "getrandom");
  std::string text;
  for (const unsigned char byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

/// Takes equally long wherever they differ.
bool is_same_secret(std::string_view one, std::string_view other) noexcept {
  if (one.size() != other.size()) return false;
  volatile unsigned char difference = 0;
  for (std::size_t i = 0; i < one.size(); ++i)
    difference = difference | (static_cast<unsigned char>(one[i]) ^ static_cast<unsigned char>(other[i]));
  return difference == 0;
}

/// The value of NAME in "NAME=value; OTHER=value".
std::string_view value_in(std::string_view list, char separator, std::string_view name) noexcept {
  while (!list.empty()) {
    std::string_view item = list.substr(0, list.find(separator));
    list.remove_prefix(std::min(list.size(), item.size() + 1));
    item.remove_prefix(std::min(item.find_first_not_of(' '), item.size()));
    if (item.starts_with(name) && item.substr(name.size()).starts_with('=')) return item.substr(name.size() + 1);
  }
  return {};
}

/// How often it has the header, and whether its value is one of these each time.
struct Matches {
  int count = 0;
  bool are_right = true;
};
Matches matches(const http::Request& request, http::field name, std::string_view before,
                const std::vector<std::string>& allowed) {
  Matches result;
  const auto range = request.equal_range(name);
  for (auto at = range.first; at != range.second; ++at) {
    const std::string_view value = http::view(at->value());
    ++result.count;
    result.are_right &= value.starts_with(before) && std::ranges::count(allowed, value.substr(before.size())) != 0;
  }
  return result;
}

}  // namespace

Guard::Guard(const std::string& address, bool is_loopback, std::uint16_t port) : token_(new_token()) {
  const std::string number = std::to_string(port);
  hosts_.push_back(address + ':' + number);
  if (is_loopback) hosts_.push_back("localhost:" + number);
  if (port == 80) {  // browsers leave it out
    hosts_.push_back(address);
    if (is_loopback) hosts_.push_back("localhost");
  }
  cookie_name_ = "coproc-" + number;
}

std::string Guard::url() const { return "http://" + hosts_.front() + "/?token=" + token_; }

std::string Guard::cookie() const { return cookie_name_ + '=' + token_ + "; Path=/; HttpOnly; SameSite=Strict"; }

std::optional<http::Response> Guard::refusal(const http::Request& request) const {
  const Matches host = matches(request, http::field::host, "", hosts_);
  if (host.count != 1 || !host.are_right)
    return http::text(http::status::forbidden, "This server is only to be called " + hosts_.front() + '.');
  if (!matches(request, http::field::origin, "http://", hosts_).are_right)
    return http::text(http::status::forbidden, "Pages of other sites must not ask this server.");
  if (!has_token(request))
    return http::text(http::status::unauthorized, "Open the whole address that coproc serve has printed.");
  return std::nullopt;
}

bool Guard::has_token(const http::Request& request) const {
  const std::string_view target = http::view(request.target());
  const std::string_view query = target.substr(std::min(target.size(), path_of(request).size() + 1));
  if (is_same_secret(value_in(query, '&', "token"), token_)) return true;
  return is_same_secret(value_in(http::view(request[http::field::cookie]), ';', cookie_name_), token_);
}

std::string_view path_of(const http::Request& request) noexcept {
  const std::string_view target = http::view(request.target());
  return target.substr(0, target.find('?'));
}

}  // namespace command
