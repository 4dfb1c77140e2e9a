// Sends and receives one shape of message COUNT times in one thread, for callgrind to count (check.py).
//
//   coproc_instructions SHAPE COUNT
#include <coproc/coproc.hpp>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "link/event_places.hpp"
#include "link/link.hpp"
#include "messenger/access.hpp"
#include "messenger/core.hpp"

namespace {

using coproc::MultiMessenger;
using coproc::PriorityMessenger;

struct Small {
  std::array<std::uint64_t, 8> words{};
};
struct Ranked {
  std::array<std::uint64_t, 7> words{};
  std::int64_t priority = 0;
};

/// Two ends in the memory of this process: only the messenger and the ring are counted, and no system call.
template <class M>
std::pair<M, M> make_pair(coproc::link::EventShape events = {}) {
  const coproc::LinkOptions link{.spin = coproc::Timeout(std::chrono::seconds(0))};
  auto [a, b] = coproc::link::make_inproc_pair(link, events);
  coproc::detail::CoreOptions options;
  options.reorders = std::is_same_v<M, PriorityMessenger>;
  options.link = link;
  using Access = coproc::detail::MessengerAccess;
  return {Access::make<M>(std::make_unique<coproc::detail::Core>(std::move(a), options)),
          Access::make<M>(std::make_unique<coproc::detail::Core>(std::move(b), options))};
}

template <class M, class Exchange>
void repeat(long count, Exchange exchange) {
  auto [a, b] = make_pair<M>();
  for (long i = 0; i < count; ++i) exchange(a, b);
}

struct Shape {
  const char* name;
  void (*run)(long count);
};

// One message at a time, which skips the inbox.
template <class M, class Value>
void one_at_a_time(long count) {
  const Value value{};
  repeat<M>(count, [&](M& a, M& b) {
    a.send_norequest(value);
    (void)b.template receive_blocking<Value>();
  });
}

// The number of messages that are sent before the first is received, as in a stream whose receiver is slower.
constexpr int kBurst = 32;
template <class M, class Value>
void burst(long count) {
  const Value value{};
  repeat<M>(count / kBurst, [&](M& a, M& b) {
    for (int i = 0; i < kBurst; ++i) a.send_norequest(value);
    for (int i = 0; i < kBurst; ++i) (void)b.template receive_blocking<Value>();
  });
}

void batch(long count) {
  const std::vector<Small> values(kBurst);
  repeat<MultiMessenger>(count / kBurst, [&](MultiMessenger& a, MultiMessenger& b) {
    (void)a.send_request_multiple(values);
    (void)b.receive_available<Small>();
    // They are answered, so that the tables of both sides do not grow.
    for (int i = 0; i < kBurst; ++i) b.send_reply(1);
    (void)a.receive_available<int>();
  });
}

void request_and_reply(long count) {
  const Small value{};
  repeat<PriorityMessenger>(count, [&](PriorityMessenger& a, PriorityMessenger& b) {
    a.send_request(value);
    b.send_reply(b.receive_blocking<Small>());
    (void)a.receive_blocking<Small>();
  });
}

void priorities_and_channels(long count) {
  Ranked value{};
  repeat<PriorityMessenger>(count / kBurst, [&](PriorityMessenger& a, PriorityMessenger& b) {
    for (int i = 0; i < kBurst; ++i) {
      value.priority = i / 4 % 4;
      a.send_norequest(value, i % 4);
    }
    for (int i = 0; i < kBurst; ++i) (void)b.receive_blocking<Ranked>(i % 4);
  });
}

void untyped(long count) {
  const Small value{};
  repeat<MultiMessenger>(count, [&](MultiMessenger& a, MultiMessenger& b) {
    a.send_norequest(value);
    (void)b.receive_blocking();
  });
}

void text(long count) {
  const std::string value(100, 'x');
  repeat<MultiMessenger>(count, [&](MultiMessenger& a, MultiMessenger& b) {
    a.send_norequest(value);
    (void)b.receive_blocking<std::string>();
  });
}

constexpr coproc::link::EventShape kEvents{1024};

// The same as request_and_reply, with the four events that both sides note.
void with_events(long count) {
  const Small value{};
  auto [a, b] = make_pair<PriorityMessenger>(kEvents);
  for (long i = 0; i < count; ++i) {
    a.send_request(value);
    b.send_reply(b.receive_blocking<Small>());
    (void)a.receive_blocking<Small>();
  }
}

// No message, but a span in a worker that keeps events.
void span(long count) {
  auto [a, b] = make_pair<MultiMessenger>(kEvents);
  auto& link = coproc::detail::MessengerAccess::core(b)->underlying_link();
  coproc::link::note_spans_in(coproc::link::EventPlace::worker, *link.events());
  for (long i = 0; i < count; ++i) const coproc::Span noted("parse");
}

constexpr Shape kShapes[] = {
    {"multi_64", one_at_a_time<MultiMessenger, Small>},
    {"priority_64", one_at_a_time<PriorityMessenger, Small>},
    {"multi_64_burst", burst<MultiMessenger, Small>},
    {"priority_64_burst", burst<PriorityMessenger, Small>},
    {"multi_1024", one_at_a_time<MultiMessenger, std::array<std::uint64_t, 128>>},
    {"batch_64", batch},
    {"request_and_reply_64", request_and_reply},
    {"priorities_and_channels_64", priorities_and_channels},
    {"message_64", untyped},
    {"string_100", text},
    {"request_and_reply_64_with_events", with_events},
    {"span_with_events", span},
};

}  // namespace

int main(int argc, char** argv) {
  for (const Shape& shape : kShapes) {
    if (argc == 1) std::puts(shape.name);
    if (argc == 3 && std::string(argv[1]) == shape.name) {
      shape.run(std::atol(argv[2]));
      return 0;
    }
  }
  return argc == 1 ? 0 : 2;
}
