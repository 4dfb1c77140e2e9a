#include "messenger/request_books.hpp"

#include <algorithm>

namespace coproc::inline v0::detail {

std::vector<RequestId> RequestBooks::without_reply() const {
  std::vector<RequestId> ids;
  sent_.for_each([&](std::uint64_t id, std::uint32_t index) {
    const bool is_being_sent = id == next_id_;
    if (!is_being_sent && (index & kUnwanted) == 0) ids.push_back(RequestId{id});
  });
  streams_.append_without_end(ids);
  std::sort(ids.begin(), ids.end());
  return ids;
}

/// Tells the peer that this request is in hand, unless that was told.
void RequestBooks::tell_returned(std::uint64_t id) noexcept {
  std::uint32_t& slot = *to_answer_.find(id);
  if (slot == 0) slot = 1 + teller_->add(id);
}
/// Tells the peer that this request is not in hand any more, if that was told.
void RequestBooks::tell_answered(std::uint64_t id) noexcept {
  const std::uint32_t* const slot = to_answer_.find(id);
  if (slot != nullptr && *slot != 0) teller_->remove(*slot - 1);
}

void RequestBooks::note_answered(Channel& channel, std::uint64_t id) noexcept {
  streams_.close(id);
  if (!erase_to_answer(id)) return;
  auto& [ids, count] = channel.to_answer;
  --count;
  // The oldest id is removed at once. An id that is answered out of turn is removed when it becomes the oldest, or when
  // such ids are the majority.
  if (!ids.empty() && ids.front() == id) ids.pop_front();
  if (ids.size() > 2 * count + 16) ids.erase_if([&](std::uint64_t each) { return !is_to_answer(each); });
}

inline void RequestBooks::add_to_answer(Channel& channel, std::uint64_t id) {
  // If the peer uses an id twice, it gets one answer for both requests: no harm is done here.
  if (is_to_answer(id)) return;
  channel.to_answer.ids.push_back(id);  // if the next line throws, this id counts as answered
  to_answer_.insert(id, 0);
  ++channel.to_answer.count;
}

void RequestBooks::note_returned_request(Channel& channel, std::uint64_t id) {
  add_to_answer(channel, id);
  if (teller_ != nullptr) tell_returned(id);
}

void RequestBooks::note_returned_reply(Channel& channel, std::uint64_t id) noexcept {
  if (sent_.erase(id)) ++channel.counts.replies;
  forget_copy(id);
}

bool RequestBooks::begin_run(bool is_reply, std::uint64_t id) {
  if (!together_.empty() && together_.back().is_reply) {
    const Run& last = together_.back();
    if (is_reply && id - last.first < last.end - last.first) return false;
    for (std::uint64_t each = last.first; each != last.end; ++each) *sent_.find(each) |= kReceiving;
  }
  together_.push_back({is_reply, id, id + 1});
  return true;
}

void RequestBooks::cancel_together() noexcept {
  for (const Run& run : together_) {
    for (std::uint64_t id = run.first; run.is_reply && id != run.end; ++id) *sent_.find(id) &= ~kReceiving;
  }
  together_.clear();
  requests_together_ = 0;
}

void RequestBooks::note_returned_together(Channel& channel) {
  const std::size_t before = channel.to_answer.ids.size();
  try {
    for (const Run& run : together_) {
      for (std::uint64_t id = run.first; !run.is_reply && id != run.end; ++id) add_to_answer(channel, id);
    }
  } catch (...) {
    Fifo<std::uint64_t>& ids = channel.to_answer.ids;
    for (; ids.size() > before; ids.pop_back())
      if (erase_to_answer(ids.back())) --channel.to_answer.count;
    throw;
  }
  for (const Run& run : together_) {
    for (std::uint64_t id = run.first; run.is_reply && id != run.end; ++id) note_returned_reply(channel, id);
    for (std::uint64_t id = run.first; teller_ != nullptr && !run.is_reply && id != run.end; ++id) tell_returned(id);
  }
  together_.clear();
  requests_together_ = 0;
}

void RequestBooks::take_back_request(Channel& channel, std::uint64_t id) noexcept {
  if (!erase_to_answer(id)) return;
  --channel.to_answer.count;
  Fifo<std::uint64_t>& ids = channel.to_answer.ids;
  // Messages are put back in the reverse order of their receives, so that the id is mostly the last one.
  !ids.empty() && ids.back() == id ? ids.pop_back() : ids.erase_if([&](std::uint64_t each) { return each == id; });
}

}  // namespace coproc::inline v0::detail
