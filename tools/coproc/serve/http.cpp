#include "http.hpp"

#include <utility>

#include "page.hpp"

namespace command::http {

namespace {

boost::beast::string_view plain(std::string_view text) noexcept { return {text.data(), text.size()}; }

}  // namespace

Response response(status code, std::string_view type, std::string body) {
  Response answer(code, 11);
  answer.set(field::content_type, plain(type));
  answer.set("Content-Security-Policy", plain(kContentSecurityPolicy));
  answer.set(field::cache_control, "no-store");
  answer.set("X-Content-Type-Options", "nosniff");
  answer.set("Referrer-Policy", "no-referrer");
  answer.keep_alive(false);
  answer.body() = std::move(body);
  return answer;
}

Response text(status code, std::string_view line) { return response(code, kText, std::string(line) + '\n'); }

}  // namespace command::http
