// Notes what a messenger does, if its link keeps events.
//
// Thread safety: none; one thread at a time, which Core ensures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <vector>

#include "link/event_writer.hpp"
#include "link/frame.hpp"
#include "os/clock.hpp"

namespace coproc::inline v0::detail {

class EventNotes {
 public:
  /// The writer must outlive this.
  explicit EventNotes(link::EventWriter& writer) noexcept : writer_(writer) {}

  /// The message was sent in a call that has begun at this time: the peer may have noted that it came since.
  /// `type`: its number on this link; `describe()` is the name of the type, and is asked once.
  template <class Describe>
  void sent(link::FrameKind kind, std::uint64_t id, std::uint32_t type, std::int64_t time, Describe describe) noexcept {
    note(kind == link::FrameKind::message   ? link::EventKind::sent_message
         : kind == link::FrameKind::request ? link::EventKind::sent_request
                                            : link::EventKind::sent_reply,
         id, own_, type, time, describe);
  }
  /// A receive returns the message.
  template <class Describe>
  void received(link::FrameKind kind, std::uint64_t id, std::uint32_t type, Describe describe) noexcept {
    note(kind == link::FrameKind::message   ? link::EventKind::received_message
         : kind == link::FrameKind::request ? link::EventKind::received_request
                                            : link::EventKind::received_reply,
         id, peers_, type, os::now_ns(), describe);
  }
  void began_wait() noexcept { writer_.note(link::EventKind::began_wait, 0, 0); }
  void ended_wait() noexcept { writer_.note(link::EventKind::ended_wait, 0, 0); }

 private:
  static constexpr std::size_t kMostKept = 1024;

  template <class Describe>
  void note(link::EventKind kind, std::uint64_t id, std::vector<std::uint32_t>& names, std::uint32_t type,
            std::int64_t time, Describe describe) noexcept {
    writer_.note(kind, type == 0 ? 0 : number_of(names, type, describe), id, time);
  }

  /// By now the message was sent or taken, and nothing may keep the call from saying so. Without memory it has no name.
  template <class Describe>
  std::uint32_t number_of(std::vector<std::uint32_t>& names, std::uint32_t type, Describe describe) noexcept {
    if (type < names.size() && names[type] != 0) return names[type];
    try {
      const std::uint32_t name = writer_.number_of(describe());
      if (type >= kMostKept) return name;
      if (type >= names.size()) names.resize(type + 1);
      return names[type] = name;
    } catch (const std::exception&) {
      return 0;
    }
  }

  link::EventWriter& writer_;
  std::vector<std::uint32_t> own_, peers_;  // the numbers of names by the numbers of types; 0: not known yet
};

/// Notes a wait that may take time, while it lives.
class WaitNote {
 public:
  /// `notes`: null if nothing is noted.
  WaitNote(EventNotes* notes, const os::Deadline& deadline) : notes_(notes) {
    if (notes_ == nullptr) [[likely]]
      return;
    if (deadline.passed()) {
      notes_ = nullptr;
    } else {
      notes_->began_wait();
    }
  }
  WaitNote(const WaitNote&) = delete;
  WaitNote& operator=(const WaitNote&) = delete;
  ~WaitNote() {
    if (notes_ != nullptr) notes_->ended_wait();
  }

 private:
  EventNotes* notes_;
};

}  // namespace coproc::inline v0::detail
