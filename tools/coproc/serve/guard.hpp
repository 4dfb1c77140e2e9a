// Who may ask: whoever has the token, by the address that was printed, and from no other site's page.
//
// A page of another site can make a browser send requests to this machine, and by DNS rebinding even read the answers.
// What it cannot do is to choose the Host and the Origin that the browser sends, or to know the token.
//
// Thread safety: none is needed after the construction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http.hpp"

namespace command {

class Guard {
 public:
  /// `address` as it stands in a URL, where IPv6 has brackets. Throws std::system_error if the system has no random
  /// bytes.
  Guard(const std::string& address, bool is_loopback, std::uint16_t port);

  /// What a browser is to be given.
  std::string url() const;
  /// The answer to a request that must not be served; nullopt: it may be.
  std::optional<http::Response> refusal(const http::Request& request) const;
  /// A cookie that stands for the token: it is sent by this site's pages alone, and no script sees it.
  std::string cookie() const;

 private:
  bool has_token(const http::Request& request) const;

  std::vector<std::string> hosts_;  // as a browser may name this server
  std::string token_;               // 128 bits, in hexadecimal
  std::string cookie_name_;         // with the port, since cookies are not kept apart by ports
};

/// The part of a request's target before the question mark.
std::string_view path_of(const http::Request& request) noexcept;

}  // namespace command
