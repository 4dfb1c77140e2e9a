#include "coproc/worker_event.hpp"

#include <string>
#include <string_view>

namespace coproc::inline v0 {

namespace {

std::string message(std::string_view what, const WorkerEvent& event, const char* nameless) {
  std::string text(what);
  text += event.name.empty() ? nameless : event.name;
  if (event.id != 0) text += ' ' + std::to_string(event.id);
  return text;
}

}  // namespace

std::string WorkerEvent::describe() const {
  switch (what) {
    case What::received_message:
      return message("received ", *this, "a message");
    case What::received_request:
      return message("received ", *this, "request");
    case What::received_reply:
      return message("received the reply ", *this, "to");
    case What::sent_message:
      return message("sent ", *this, "a message");
    case What::sent_request:
      return message("sent the request ", *this, "");
    case What::sent_reply:
      return message("answered by ", *this, "an error to");
    case What::began_wait:
      return "began to wait for its host";
    case What::ended_wait:
      return "waited for its host no more";
    case What::began_span:
      return "began \"" + name + '"';
    case What::ended_span:
      return "ended \"" + name + '"';
    case What::mark:
      return "came to \"" + name + '"';
  }
  return "did something unknown";
}

}  // namespace coproc::inline v0
