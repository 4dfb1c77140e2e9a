// A host that receives all that its worker has sent, in one of the ways to wait, until it is told of the worker's end.
//
// Thread safety: none; used by the test's main thread.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <coproc/coproc.hpp>
#include <cstdint>
#include <optional>

#include "chaos/parcel.hpp"

namespace chaos {

struct Boom {
  int number = 0;
};

/// What a listener has come to know.
struct Heard {
  explicit Heard(std::uint32_t generation) : inspector(generation) {}

  Inspector inspector;
  int booms = 0;
  int close_requests = 0;
  std::optional<coproc::ExitStatus> status;  // of the worker that died

  void take(const Parcel& parcel) { EXPECT_EQ(inspector.accept(parcel), ""); }
  /// False: the worker is dead, and everything that it had sent was received.
  template <class Call>
  bool survive(Call call) {
    try {
      call();
      return true;
    } catch (const Boom& boom) {
      EXPECT_EQ(boom.number, 7);
      ++booms;
      return true;
    } catch (const coproc::WorkerRequestedClose&) {
      ++close_requests;
      return true;
    } catch (const coproc::WorkerDiedError& died) {
      status = died.exit_status();
      return false;
    }
  }
};

inline constexpr int kWaysToWait = 4;

/// One round of waiting and receiving.
template <class M>
void hear_some(M& messenger, Heard& heard, std::uint64_t way) {
  using namespace std::chrono_literals;
  const auto take = [&](coproc::Timeout timeout) {
    const auto message = messenger.receive_any({channel_of(0), channel_of(1)}, timeout);
    if (message) heard.take(message->template get<Parcel>());
    return message.has_value();
  };
  switch (way % kWaysToWait) {
    case 0:
      take(coproc::kForever);
      break;
    case 1:
      take(200us);
      break;
    case 2: {
      std::array<coproc::Messenger*, 1> one{&messenger};
      EXPECT_EQ(coproc::wait_any(one, coproc::kForever), 0U);
      for (const std::uint32_t lane : {0U, 1U}) {
        for (const Parcel& parcel : messenger.template receive_available<Parcel>(channel_of(lane))) heard.take(parcel);
      }
      take(0s);
      break;
    }
    case 3: {
      pollfd readable = {messenger.native_handle(), POLLIN, 0};
      (void)::poll(&readable, 1, -1);  // for ever, if the handle should not tell of what has come or of the end
      while (take(0s)) {}
      break;
    }
  }
}

/// Until the end. At most one way for each worker: what is armed for poll stays so.
template <class M>
void hear_all(M& messenger, Heard& heard, std::uint64_t way) {
  while (heard.survive([&] { hear_some(messenger, heard, way); })) {}
}

}  // namespace chaos
