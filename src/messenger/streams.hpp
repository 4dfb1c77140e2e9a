// The books of streams: those that this end reads, with the parts that have come, and those that it answers.
//
// A window bounds what of a stream is on its way or unread. The cost of a part is that of its entry and
// Inbox::kEntryBytes, in bytes, and both ends count it alike. The one who answers sends while the unpaid parts cost
// less than the window, and the reader pays for what was taken by credit.
//
// Thread safety: none; one thread at a time, which Core ensures. The inbox that made the entries must outlive this.
// Invariants: of a Reading, `due` is at most `unpaid`; if `has_end` is set, the last of `entries` is the reply that
// ends the stream; a cancelled one has no entries. `unread_` is the number of all entries. `owes` is true if, but not
// only if, credit or a cancellation is to be sent. `refused_` is the number of streams whose `is_refused` is set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "coproc/detail/fifo.hpp"
#include "coproc/request_id.hpp"
#include "messenger/entry.hpp"
#include "messenger/inbox.hpp"

namespace coproc::inline v0::detail {

class Streams {
 public:
  static std::uint64_t cost_of(std::size_t entry_cost) noexcept { return entry_cost + Inbox::kEntryBytes; }

  // ---- streams that this end reads ----

  struct Reading {
    std::uint32_t channel = 0;  // Channel::index
    std::uint64_t window = 0;
    std::uint64_t unpaid = 0;  // the cost of the parts that have come and were not paid for
    std::uint64_t due = 0;     // of these, the cost of those that were taken
    Fifo<EntryPtr> entries;
    bool has_end = false;
    bool is_cancelled = false;
    bool owes_cancel = false;
    bool is_orphan = false;  // of an earlier worker: no more will come

    bool owes_credit() const noexcept { return !has_end && !is_cancelled && !is_orphan && due >= window - window / 2; }
  };
  /// Call before the request is sent, since its parts may arrive before the send returns.
  void begin(std::uint64_t id, std::uint32_t channel, std::uint64_t window) {
    Reading& stream = reading_[id];
    stream.channel = channel;
    stream.window = window;
  }
  /// Call if the send has failed, or when the stream is over. REQUIRES: it has no entries.
  void forget(std::uint64_t id) noexcept { reading_.erase(id); }
  bool reads(std::uint64_t id) const noexcept { return reading_.contains(id); }
  bool reads_any() const noexcept { return !reading_.empty(); }
  Reading* reading(std::uint64_t id) noexcept {
    if (reading_.empty()) return nullptr;
    const auto at = reading_.find(id);
    return at == reading_.end() ? nullptr : &at->second;
  }
  std::map<std::uint64_t, Reading>& all_read() noexcept { return reading_; }
  /// Puts a part, or the reply that ends the stream, as `is_end` says. Of a stream that was cancelled, the caller keeps
  /// the entry, and also if this throws.
  void put(Reading& stream, EntryPtr& entry, bool is_end);
  /// Takes out the first entry. REQUIRES: there is one.
  EntryPtr take(Reading& stream) noexcept;
  /// The number of entries that are not taken: of all streams, and of one.
  std::size_t unread() const noexcept { return unread_; }
  std::size_t unread(std::uint64_t id) const noexcept {
    const auto at = reading_.find(id);
    return at == reading_.end() ? 0 : at->second.entries.size();
  }
  bool owes() const noexcept { return owes_; }
  void set_owes(bool owes) noexcept { owes_ = owes; }
  /// Appends the ids of the streams that have no end yet and were not cancelled.
  void append_without_end(std::vector<RequestId>& ids) const;

  // ---- streams that this end answers ----

  struct Answering {
    std::uint64_t window = 0;
    std::uint64_t unpaid = 0;  // the cost of the parts that were sent and not paid for
    bool is_cancelled = false;
    bool is_refused = false;  // the window had no room for the last part that was tried, and nothing was tried since

    bool has_credit() const noexcept { return unpaid < window; }
  };
  /// Call when the request has come. Returns false if the id is that of another stream that is not answered yet.
  bool open(std::uint64_t id, std::uint64_t window) { return answering_.try_emplace(id, Answering{window}).second; }
  Answering* answering(std::uint64_t id) noexcept {
    if (answering_.empty()) return nullptr;
    const auto at = answering_.find(id);
    return at == answering_.end() ? nullptr : &at->second;
  }
  /// Notes whether the window has just refused a part.
  void set_refused(Answering& stream, bool is_refused) noexcept {
    if (stream.is_refused && !is_refused) --refused_;
    if (!stream.is_refused && is_refused) ++refused_;
    stream.is_refused = is_refused;
  }
  /// Whether another try has something new to say: a window that has refused a part has room, or its reader has given
  /// up.
  bool has_reopened() const noexcept;
  /// Call when the request has been answered, or if it could not be taken in.
  void close(std::uint64_t id) noexcept {
    Answering* const stream = answering(id);
    if (stream == nullptr) return;
    set_refused(*stream, false);
    answering_.erase(id);
  }

 private:
  // Maps, since the peer chooses the ids of what this end answers, and could make hashes collide.
  std::map<std::uint64_t, Reading> reading_;
  std::map<std::uint64_t, Answering> answering_;
  std::size_t unread_ = 0;
  bool owes_ = false;
  std::uint32_t refused_ = 0;
};

}  // namespace coproc::inline v0::detail
