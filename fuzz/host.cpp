#include "host.hpp"

#include <array>
#include <chrono>
#include <exception>
#include <functional>
#include <string>
#include <typeinfo>

#include "check.hpp"
#include "messenger/access.hpp"
#include "messenger/core.hpp"
#include "messenger/supervisor.hpp"
#include "types.hpp"

namespace fuzz {

using namespace std::chrono_literals;
using coproc::ChannelId;
using coproc::Message;
using coproc::RequestId;

namespace {

constexpr std::size_t kKept = 4;

/// Keeps what the peer saves, and starts nothing.
struct KeepsStates final : coproc::detail::PeerSupervisor {
  coproc::detail::Replacement replace_worker(const coproc::Error&, const coproc::os::Deadline& deadline) override {
    return {coproc::detail::Replaced::and_throw, nullptr, deadline};
  }
  std::size_t max_state_bytes() const noexcept override { return 2048; }
};

coproc::PriorityMessenger make(std::unique_ptr<coproc::link::Link> link, bool reorders, bool is_host) {
  using coproc::detail::Core;
  coproc::detail::CoreOptions options;
  options.role = is_host ? coproc::detail::Role::host : coproc::detail::Role::pair;
  options.reorders = reorders;
  options.link = Host::kLimits;
  auto core = std::make_unique<Core>(std::move(link), std::move(options));
  static const auto keeper = std::make_shared<KeepsStates>();
  core->set_supervisor(keeper);
  return coproc::detail::MessengerAccess::make<coproc::PriorityMessenger>(std::move(core));
}

bool is_remote(const std::exception& error) { return dynamic_cast<const coproc::RemoteOrigin*>(&error) != nullptr; }

/// Makes the call, and returns true if it returned. Any error that is not promised goes on to the fuzzer, which reports
/// it.
bool answers(const std::function<void()>& call) {
  try {
    call();
    return true;
  } catch (const coproc::RemoteOrigin& error) {  // an error that the peer has sent
    demand(error.peer() == "peer", "an error of the peer names " + error.peer());
  } catch (const coproc::ProtocolError&) {
  } catch (const coproc::TypeMismatchError&) {
  } catch (const coproc::MessageNotRecognizedError&) {
  } catch (const coproc::TimeoutError&) {
  } catch (const coproc::InterruptedError&) {
  } catch (const coproc::QueueFullError&) {
  } catch (const coproc::MessageTooLargeError&) {
  } catch (const coproc::NoRequestError&) {
  } catch (const coproc::PeerClosedError&) {
  } catch (const coproc::WorkerRequestedClose&) {
  } catch (const coproc::ResourceRequestedClose&) {}
  return false;
}

}  // namespace

Host::Host(std::unique_ptr<coproc::link::Link> link, Input& input)
    : reorders_(input.below(2) == 0), messenger_(make(std::move(link), reorders_, input.below(2) == 0)) {
  messenger_.accept_errors<Details, Data, coproc::DecodeError>();
}

void Host::act(Input& input) {
  const std::size_t what = input.below(3);
  const ChannelId channel = fuzz::channel(input.below(kChannels));
  answers([&] {
    if (what == 0) receive(input, channel);
    if (what == 1) look(input, channel);
    if (what == 2) send(input, channel);
  });
}

void Host::receive(Input& input, const ChannelId& channel) {
  const std::size_t how = input.below(8);
  const std::size_t type = input.below(kTypes);
  if (how == 0) return take(messenger_.receive_for<Message>(channel, 0s));
  if (how == 1) return receive_all(channel);
  if (how == 2) return take(messenger_.receive_any({channel, fuzz::channel(type)}, 0s));
  with_type(type, [&](auto value) {
    using T = decltype(value);
    if (how == 3) lose_nothing(channel, [&] { (void)messenger_.receive_for<T>(channel, 0s); });
    if (how == 4) lose_nothing(channel, [&] { (void)messenger_.receive_available<T>(channel); });
    if (how == 5) {
      const auto id = sent_.empty() ? RequestId{input.byte()} : sent_[input.below(sent_.size())];
      lose_nothing(
          channel, [&] { (void)messenger_.receive_reply<T>(id, 0s); }, true);
    }
    // Directly from the ring, since nothing has been drained.
    if (how == 7) (void)messenger_.receive_for<T>(channel, 0s);
    if (how == 6) {
      for (T& reply : messenger_.receive_remaining<T>(channel, 0s)) (void)reply;
    }
  });
}

void Host::lose_nothing(const ChannelId& channel, const std::function<void()>& typed, bool is_reply) {
  const auto open_requests = [&] {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < kChannels; ++i) sum += messenger_.remaining(fuzz::channel(i));
    return sum;
  };
  const std::size_t before = messenger_.available(channel), open_before = open_requests();
  try {
    typed();
  } catch (const std::exception& error) {
    // No error was pending, so this is an error that answers a request.
    if (is_remote(error) && is_reply) demand(open_requests() + 1 == open_before, "an error did not settle its request");
    const bool stays =
        typeid(error) == typeid(coproc::DecodeError) || typeid(error) == typeid(coproc::TypeMismatchError);
    if (stays) demand(messenger_.available(channel) == before, "a receive that threw lost a message");
    throw;
  }
}

void Host::receive_all(const ChannelId& channel) {
  // While others fill the inbox, messages that are not counted can be received straight from the link.
  bool others_wait = false;
  for (std::size_t i = 0; i < kChannels; ++i) {
    if (const ChannelId other = fuzz::channel(i); other != channel) others_wait |= messenger_.available(other) != 0;
  }
  const std::size_t expected = messenger_.available(channel);
  std::vector<Message> all = messenger_.receive_available<Message>(channel);
  demand(all.size() == expected || (expected == 0 && others_wait), "other than the available messages were received");
  for (std::size_t i = 1; reorders_ && i < all.size(); ++i)
    demand(all[i - 1].priority() <= all[i].priority(), "messages came in a wrong order");
  for (Message& message : all) {
    demand(message.channel() == channel, "a message came through the wrong channel");
    answers([&] { take(std::move(message)); });
  }
}

void Host::take(std::optional<Message> message) {
  if (!message) return;
  (void)message->type_name();
  (void)message->channel().describe();
  if (message->request_id() && !message->is_reply()) ++requests_returned_;
  const bool is_kept = message->request_id() && requests_.size() < kKept;
  struct Keep {
    std::vector<Message>& requests;
    std::optional<Message>& message;
    bool is_wanted;
    ~Keep() {
      if (is_wanted) requests.push_back(*std::move(message));
    }
  } keep{requests_, message, is_kept};
  message->match([](int) {}, [](const std::string&) {}, [](const Data&) {}, [](const std::vector<bool>&) {});
}

void Host::look(Input& input, const ChannelId& channel) {
  auto& core = *coproc::detail::MessengerAccess::core(messenger_);
  switch (input.below(8)) {
    case 0:
      (void)messenger_.available(channel);
      break;
    case 1:
      (void)core.try_drain();
      (void)core.final_error();
      break;
    case 2:
      (void)core.has_work();
      break;
    case 3: {
      (void)messenger_.native_handle();
      std::array<pollfd, coproc::link::Link::kSleepFds> fds{};
      (void)core.begin_sleep(fds);
      (void)core.end_sleep(fds);
      break;
    }
    case 4:
      messenger_.interrupt();
      break;
    case 5:
      (void)messenger_.close_requested();
      break;
    default:
      demand(messenger_.counts(channel).remaining() == messenger_.remaining(channel), "two answers to one question");
  }
}

void Host::send(Input& input, const ChannelId& channel) {
  const coproc::SendOptions now{.timeout = 0s};
  const std::size_t how = input.below(8);
  const std::string text(input.byte() * std::size_t{40}, 'x');  // up to several records
  switch (how) {
    case 0:
      messenger_.send_norequest(7, channel, now);
      break;
    case 1:
      (void)messenger_.try_send(text, channel);
      break;
    case 2:
    case 3: {
      const RequestId id = messenger_.send_request(Data{}, channel, now);
      if (sent_.size() >= 16) sent_.erase(sent_.begin());
      sent_.push_back(id);
      break;
    }
    case 4:
      messenger_.send_reply(text, channel, now);
      break;
    case 5:
    case 6:
      if (requests_.empty()) break;
      if (how == 5) messenger_.reply_to(requests_.back(), 8, now);
      if (how == 6) messenger_.reply_error_to(requests_.back(), std::runtime_error(text), now);
      requests_.pop_back();
      break;
    default:
      messenger_.send_error(Details{}, now);
  }
}

void Host::receive_everything() {
  // Each turn consumes a message, an error or a close request, until nothing is left.
  for (std::size_t which = 0; which < kChannels; ++which) {
    for (int quiet = 0; quiet < 3;) {
      std::optional<Message> message;
      const bool is_answered = answers([&] { message = messenger_.receive_for<Message>(fuzz::channel(which), 0s); });
      quiet = is_answered && message ? 0 : quiet + 1;
      answers([&] { take(std::move(message)); });
    }
  }
}

}  // namespace fuzz
