#include "hostile/host_calls.hpp"

#include <poll.h>

#include <stdexcept>
#include <string>

#include "hostile/nested.hpp"

using namespace std::chrono_literals;

namespace hostile {

namespace {

const coproc::ChannelId kChannels[] = {{}, 1, "lane", 77};

}  // namespace

Outcome HostCalls::make_one() {
  try {
    call();
    return Outcome::returned;
  } catch (const coproc::DecodeError&) {  // a kind of ProtocolError that leaves the link as it is
    return Outcome::ordinary_error;
  } catch (const coproc::ProtocolError&) {
    return Outcome::protocol_error;
  } catch (const coproc::WorkerDiedError&) {
    return Outcome::died;
  } catch (const coproc::RemoteOrigin&) {  // of any type that the worker chose
    return Outcome::ordinary_error;
  } catch (const coproc::Error&) {
    return Outcome::ordinary_error;
  }
}

void HostCalls::call() {
  const coproc::ChannelId& channel = kChannels[below(std::size(kChannels))];
  const coproc::Timeout soon = below(4) == 0 ? coproc::Timeout(1ms) : coproc::Timeout(0ms);
  switch (last_ = static_cast<int>(below(24))) {
    case 0:
    case 1:
      if (auto message = messenger_.receive_for(channel, soon)) kept_.push_back(*std::move(message));
      if (kept_.size() > 8) kept_.clear();
      break;
    case 2:
      (void)messenger_.receive_for<int>(channel, soon);
      break;
    case 3:
      (void)messenger_.receive_for<std::string>(channel, soon);
      break;
    case 4:
      (void)messenger_.receive_for<Nested>(channel, soon);
      break;
    case 5:
      (void)messenger_.receive_for<std::vector<int>>(channel, soon);
      break;
    case 6:
      (void)messenger_.receive_available(channel);
      break;
    case 7:
      (void)messenger_.receive_available<std::string>(channel);
      break;
    case 8:
      if (messenger_.receive_any({{}, 1, "lane"}, soon)) (void)messenger_.available();
      break;
    case 9:
      (void)messenger_.try_send(static_cast<int>(below(100)), channel);
      break;
    case 10:
      (void)messenger_.try_send(std::string(below(3000), 's'), channel);
      break;
    case 11:  // in pieces, which do not find room where nobody reads
      messenger_.send_norequest(std::string(20'000 + below(20'000), 'l'), channel, {.timeout = soon});
      break;
    case 12:
      requests_.push_back(messenger_.send_request(1, channel, {.timeout = soon}));
      break;
    case 13:
      if (!requests_.empty()) (void)messenger_.receive_reply(requests_[below(requests_.size())], soon);
      break;
    case 14:
      messenger_.send_reply(2, channel, {.timeout = soon});
      break;
    case 15:
      if (!kept_.empty()) messenger_.reply_to(kept_[below(kept_.size())], 3, {.timeout = soon});
      break;
    case 16:
      for (int reply : messenger_.receive_remaining<int>(channel, soon)) (void)reply;
      break;
    case 17: {
      pollfd fd{messenger_.native_handle(), POLLIN, 0};
      ::poll(&fd, 1, 0);
      break;
    }
    case 18: {
      coproc::Messenger* const one[] = {&messenger_};
      (void)coproc::wait_any(one, soon);
      break;
    }
    case 19:
      if (auto buffer = messenger_.receive_for<coproc::SharedBuffer<int>>(channel, soon))
        buffers_.push_back(*std::move(buffer));
      if (buffers_.size() > 8) buffers_.erase(buffers_.begin(), buffers_.begin() + 1 + static_cast<long>(below(8)));
      break;
    case 20: {
      auto buffer = messenger_.loan<int>(1 + below(20'000));
      for (int& element : buffer) element = static_cast<int>(below(7));
      if (below(2) == 0) (void)messenger_.try_send(buffer, channel);
      if (!buffer.empty() && below(2) == 0) buffers_.push_back(std::move(buffer));
      break;
    }
    case 21:  // lent by itself
      (void)messenger_.try_send(std::string(65'536 + below(8'000), 'l'), channel);
      break;
    case 22:
      if (!buffers_.empty()) {
        auto& buffer = buffers_[below(buffers_.size())];
        const auto copy = buffer.copy();
        for (int& element : buffer) element = static_cast<int>(copy.size());
      }
      break;
    default:
      messenger_.send_error(std::runtime_error("an error"), {.timeout = soon});
  }
}

}  // namespace hostile
