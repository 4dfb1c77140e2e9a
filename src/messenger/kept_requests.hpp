// Copies of the requests of a supervised worker that have no answer yet, by which they can be sent again to its
// successor (Pending::resend). They are made from the values of the sends, and never from the link's memory, which the
// worker could have changed.
//
// Thread safety: none; one thread at a time, which Core ensures.
// Invariants: `bytes_` is the sum of the costs of all copies, and at most `most_bytes_`. `unsent_` has the ids that
// wait for being sent again, in the order of their sends, and maybe some that are not kept any more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "coproc/channel.hpp"
#include "coproc/detail/buffer.hpp"
#include "coproc/detail/outgoing.hpp"
#include "coproc/exit_status.hpp"
#include "coproc/priority.hpp"

namespace coproc::inline v0::detail {

struct KeptRequest {
  ChannelId channel;
  std::uint64_t type = 0;  // TypeInfo::id
  Priority priority;
  std::uint64_t window = 0;  // of the stream that it asks for; 0: it asks for one reply
  Buffer payload;
  /// Of the workers that had it in hand. Shared, since an end may be that of very many requests.
  std::vector<std::shared_ptr<const ExitStatus>> ends = {};
};

class KeptRequests {
 public:
  /// The bytes that a copy costs besides its payload, so that the number of empty requests is bounded, too.
  static constexpr std::size_t kEachBytes = 256;

  explicit KeptRequests(std::size_t most_bytes) noexcept : most_bytes_(most_bytes) {}

  /// Keeps a copy of this request, which is going to be sent, if there is room for it. Memory that it lends is copied.
  /// If it throws, as encoding may, nothing has changed. `max_bytes`: of a message.
  void keep(std::uint64_t id, const ChannelId& channel, const Outgoing& request, const Priority& priority,
            std::size_t max_bytes, std::uint64_t window = 0);
  /// The request is answered, or nobody wants its answer any more.
  void forget(std::uint64_t id) noexcept;
  /// Null: no copy is kept.
  KeptRequest* find(std::uint64_t id) noexcept {
    const auto at = all_.find(id);
    return at == all_.end() ? nullptr : &at->second;
  }
  /// The description of a type that a kept request has.
  const std::string& type_text(std::uint64_t type) const { return type_texts_.at(type); }

  // ---- those that wait for being sent again ----

  /// REQUIRES: the request was sent after all that wait.
  void send_again(std::uint64_t id) { unsent_.push_back(id); }
  bool has_unsent() const noexcept { return !unsent_.empty(); }
  std::uint64_t next_unsent() const noexcept { return unsent_.front(); }
  void note_sent_again() noexcept { unsent_.pop_front(); }
  /// Their new worker has ended, too.
  void forget_unsent() noexcept { unsent_.clear(); }

 private:
  std::map<std::uint64_t, KeptRequest> all_;
  std::map<std::uint64_t, std::string> type_texts_;  // texts, since the library of a TypeInfo may be unloaded
  std::deque<std::uint64_t> unsent_;
  Buffer scratch_;
  std::size_t bytes_ = 0;
  std::size_t most_bytes_;  // constant after construction
};

}  // namespace coproc::inline v0::detail
