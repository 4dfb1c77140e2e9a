// The words of HTTP that `coproc serve` speaks, and the headers that all of its answers have.
//
// Thread safety: free functions.
#pragma once

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>
#include <string>
#include <string_view>

namespace command::http {

namespace beast = boost::beast::http;

using beast::field, beast::status, beast::verb;
using Request = beast::request<beast::empty_body>;
using Response = beast::response<beast::string_body>;

inline std::string_view view(boost::beast::string_view text) noexcept { return {text.data(), text.size()}; }

inline constexpr std::string_view kText = "text/plain; charset=utf-8";

/// An answer that no browser keeps, guesses the type of, shows in a frame, or tells other sites of.
Response response(status code, std::string_view type, std::string body);
/// A line of text.
Response text(status code, std::string_view line);

}  // namespace command::http
