// What a messenger whose worker has ended asks for another worker.
//
// Thread safety: called by the thread whose call has found the end, after it has left the core.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "coproc/errors.hpp"
#include "os/clock.hpp"

namespace coproc::inline v0::detail {

class Core;
struct SavedState;

/// What is to become of the call that has found the end.
enum class Replaced : std::uint8_t {
  and_throw,    // it throws its error
  not_in_time,  // its deadline has passed before there was another worker
  and_go_on,    // it is made again, to the new worker
};

struct Replacement {
  Replaced then;
  const Core* core;       // of the new worker; null unless the call goes on
  os::Deadline deadline;  // of the call
};

class PeerSupervisor {
 public:
  virtual ~PeerSupervisor() = default;

  /// Called for the error that tells of the worker's end, or of a rule of the link that it has broken, and which is
  /// being handled. Starts another worker if that is wanted, and so gives the messenger another core. Throws what is to
  /// be thrown instead.
  virtual Replacement replace_worker(const Error& error, const os::Deadline& deadline) = 0;

  /// The most bytes that copies of unanswered requests may take, by which they are sent again to the next worker.
  /// nullopt: none are kept.
  virtual std::optional<std::size_t> resend_bytes() const noexcept { return std::nullopt; }

  /// Whether calls of the messenger go on with the next worker for other reasons than resend_bytes().
  virtual bool keeps_calls() const noexcept { return false; }
  /// Called before each call of a messenger whose calls go on.
  virtual void before_call() {}
  /// The most bytes of a state that the worker may save. 0: none are kept.
  virtual std::size_t max_state_bytes() const noexcept { return 0; }
  /// The state that the worker is given that is being started. Null: none.
  virtual std::shared_ptr<const SavedState> state_to_give() const noexcept { return nullptr; }
  /// What a worker that is started next has to tell its host, besides what all of them tell.
  struct Asks {
    bool in_hand = false;  // which requests it has in hand
    bool reads = false;    // how far it has read, at once
  };
  virtual Asks asks() const noexcept { return {}; }
  /// Whether calls of the messenger that wait have to call watch().
  virtual bool is_watching() const noexcept { return false; }
  /// Called in a call of this core that is going to wait. Looks at the worker's health if that is due, and ends a
  /// worker that hangs, so that the call finds its end. Returns when the next look is due, from now.
  virtual std::chrono::nanoseconds watch(Core&) { return std::chrono::nanoseconds::max(); }
  /// Called between the calls of a messenger, for programs that wait elsewhere: Supervised::look(). Starts another
  /// worker if that is due, and so gives the messenger another core. Returns when it should be called again, from now.
  virtual std::chrono::nanoseconds look() { return std::chrono::nanoseconds::max(); }
};

}  // namespace coproc::inline v0::detail
