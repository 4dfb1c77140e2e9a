// The one door for what comes in over the wire: every frame is checked here, before anything believes it.
//
// It checks the header's fields; whether this frame may come from that agent at this point of the conversation; whether
// records are whole and fit the ring; whether the windows allow it; and the contents of the small frames.
//
// Thread safety: one thread at a time.
// Invariants: once it has thrown, nothing more may be read through it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "wire/contents.hpp"
#include "wire/frame.hpp"
#include "wire/window.hpp"

namespace coproc::inline v0::wire {

enum class Side { near, far };

class Door {
 public:
  /// The door of the agent on this side. `windows` are its own, and outlive the door.
  Door(Side side, Windows& windows) noexcept : side_(side), windows_(windows) {}

  /// Takes the next whole frame off `bytes`; nullopt: more bytes are needed. Throws BrokenWire.
  std::optional<Frame> next(std::span<const std::byte>& bytes);

  /// The largest record of the link behind this agent. Until it is set no record may come.
  void set_max_record(std::size_t bytes) noexcept { max_record_ = bytes; }
  /// Of the near agent: it has sent the start request, which may be answered now.
  void expect_answer() noexcept { phase_ = Phase::starting; }
  /// Of the far agent: it has sent the ping with this number, which may be answered now.
  void expect_pong(std::uint64_t number) noexcept { pinged_ = number; }
  /// Of the far agent: whether the start request is complete.
  bool has_start() const noexcept { return phase_ == Phase::running; }

 private:
  enum class Phase { greeting, greeted, starting, running, ended, over };

  void check_header(const Header& header) const;
  bool may_come(FrameType type) const noexcept;
  void check_contents(const Frame& frame);
  void check_records(std::span<const std::byte> payload);
  void check_start(const Frame& frame);

  Side side_;         // constant after construction
  Windows& windows_;  // constant after construction
  Phase phase_ = Phase::greeting;
  std::size_t max_record_ = 0;
  std::optional<std::uint64_t> start_left_;  // bytes of the start request that are to come
  bool is_broken_ = false;                   // the worker's link is: no record may follow
  std::uint64_t pinged_ = 0;                 // the last ping that was sent, of the far agent
  std::uint64_t heard_ = 0;                  // the last ping that has come, or the last one that was answered
};

}  // namespace coproc::inline v0::wire
