#include "messenger/request_books.hpp"

#include <algorithm>

namespace coproc::inline v0::detail {

std::vector<RequestId> RequestBooks::without_reply() const {
  std::vector<RequestId> ids;
  sent_.for_each([&](std::uint64_t id, std::uint32_t) {
    if (id != next_id_) ids.push_back(RequestId{id});  // the next one has not left
  });
  std::sort(ids.begin(), ids.end());
  return ids;
}

void RequestBooks::note_answered(Channel& channel, std::uint64_t id) noexcept {
  if (!to_answer_.erase(id)) return;
  auto& [ids, count] = channel.to_answer;
  --count;
  // The oldest id goes at once. One that is answered out of turn goes when its turn comes, or when such ids are the
  // majority.
  if (!ids.empty() && ids.front() == id) ids.pop_front();
  if (ids.size() > 2 * count + 16) ids.erase_if([&](std::uint64_t each) { return !is_to_answer(each); });
}

void RequestBooks::note_returned_request(Channel& channel, std::uint64_t id) {
  // A peer that uses an id twice confuses only itself: the id is answered once.
  if (is_to_answer(id)) return;
  channel.to_answer.ids.push_back(id);  // if the next line throws, this id counts as answered
  to_answer_.insert(id, 0);
  ++channel.to_answer.count;
}

void RequestBooks::note_returned_reply(Channel& channel, std::uint64_t id) noexcept {
  if (sent_.erase(id)) ++channel.counts.replies;
}

void RequestBooks::take_back_request(Channel& channel, std::uint64_t id) noexcept {
  if (!to_answer_.erase(id)) return;
  --channel.to_answer.count;
  Fifo<std::uint64_t>& ids = channel.to_answer.ids;
  // Several messages are put back in the reverse order of their receives, so that it is mostly the last one.
  !ids.empty() && ids.back() == id ? ids.pop_back() : ids.erase_if([&](std::uint64_t each) { return each == id; });
}

}  // namespace coproc::inline v0::detail
