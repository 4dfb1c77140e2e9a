#include "typist.hpp"

#include <iostream>
#include <string>

#include "messages.hpp"

namespace search {

void typist(coproc::PriorityMessenger& host) {
  for (std::string line; std::getline(std::cin, line);) host.send_norequest(TypedLine{line});
  host.send_norequest(EndOfTyping{});
  host.receive_blocking();
}

}  // namespace search
