#include "agent/branches.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "os/stream.hpp"

namespace coproc::inline v0::agent {

using wire::FrameType;

void Branches::add(std::uint32_t number, os::Fd in, os::Fd out) {
  if (in) os::set_non_blocking(in.get());
  if (out) os::set_non_blocking(out.get());
  Branch& branch = branches_[number];
  branch.in = std::move(in);
  branch.out = std::move(out);
}

void Branches::take(const wire::Frame& frame) {
  const std::uint32_t number = wire::branch_of(frame.value);
  const auto at = branches_.find(number);
  if (at == branches_.end()) return;
  if (frame.type == FrameType::data) at->second.waiting.emplace_back(frame.payload.begin(), frame.payload.end());
  if (frame.type == FrameType::end) close_out(number);
}

void Branches::close_out(std::uint32_t number) {
  Branch& branch = branches_.at(number);
  branch.closes_out = true;
  if (branch.waiting.empty()) branch.out.reset();
}

void Branches::finish(std::uint32_t number) {
  Branch& branch = branches_.at(number);
  branch.is_finishing = true;
  branch.is_readable = true;
}

/// Returns by `credit` what could be written. What nobody reads any more counts as written.
void Branches::write(std::uint32_t number, Branch& branch) {
  if (branch.drops_input) {
    branch.waiting.clear();
    return;
  }
  std::size_t bytes = 0;
  while (!branch.waiting.empty()) {
    const std::span<const std::byte> rest = std::span(branch.waiting.front()).subspan(branch.at);
    os::Moved written{rest.size()};
    if (branch.out) written = os::write_some(branch.out.get(), rest);
    if (written.is_over) {
      branch.out.reset();
      continue;
    }
    if (written.bytes == 0) break;
    bytes += written.bytes;
    branch.at += written.bytes;
    if (written.bytes < rest.size()) continue;
    branch.waiting.pop_front();
    branch.at = 0;
  }
  if (branch.waiting.empty() && branch.closes_out) branch.out.reset();
  const std::size_t credit = door_.windows_of(number).in.pass_on(bytes);
  if (credit != 0) {
    outbox_.put_control(FrameType::credit, wire::branch_value(number, static_cast<std::uint32_t>(credit)));
  }
}

bool Branches::may_send(std::uint32_t number, const Branch& branch) {
  return !branch.has_ended && door_.windows_of(number).out.has(1);
}

/// False: it has nothing now.
bool Branches::send_piece(std::uint32_t number, Branch& branch) {
  if (!branch.is_readable || !may_send(number, branch)) return false;
  wire::SendWindow& window = door_.windows_of(number).out;
  const auto piece = std::span(piece_).first(std::min(piece_.size(), window.left()));
  os::Moved got{.is_over = true};
  if (branch.in) got = os::read_some(branch.in.get(), piece);
  if (got.bytes == 0) {
    branch.is_readable = false;
    if (got.is_over || branch.is_finishing) send_end(number, branch);
    return false;
  }
  window.spend(got.bytes);
  outbox_.put_bulk(FrameType::data, wire::branch_value(number), piece.first(got.bytes));
  return true;
}

void Branches::send_end(std::uint32_t number, Branch& branch) {
  branch.has_ended = true;
  branch.in.reset();
  outbox_.put_bulk(FrameType::end, wire::branch_value(number));
}

bool Branches::move() {
  for (auto& [number, branch] : branches_) write(number, branch);
  // One piece of each, beginning behind the one that was served last.
  for (bool any = true; any;) {
    any = false;
    auto at = branches_.upper_bound(last_served_);
    for (std::size_t i = 0; i < branches_.size(); ++i, ++at) {
      if (at == branches_.end()) at = branches_.begin();
      if (outbox_.bulk_bytes() >= kMostBacklog) return true;
      if (!send_piece(at->first, at->second)) continue;
      last_served_ = at->first;
      any = true;
    }
  }
  return false;
}

void Branches::prepare_poll(std::vector<pollfd>& fds) {
  const bool has_room = outbox_.bulk_bytes() < kMostBacklog;
  for (const auto& [number, branch] : branches_) {
    const bool wants_input = has_room && !branch.is_readable && may_send(number, branch);
    fds.push_back({wants_input ? branch.in.get() : -1, POLLIN, 0});
    fds.push_back({branch.waiting.empty() ? -1 : branch.out.get(), POLLOUT, 0});
  }
}

void Branches::note_poll(const pollfd* fds) {
  for (auto& [number, branch] : branches_) {
    if (fds->revents != 0) branch.is_readable = true;
    fds += 2;
  }
}

}  // namespace coproc::inline v0::agent
