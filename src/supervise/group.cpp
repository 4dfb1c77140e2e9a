#include "supervise/group.hpp"

#include <algorithm>
#include <exception>
#include <memory>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include "coproc/errors.hpp"
#include "os/clock.hpp"

namespace coproc::inline v0::detail {

SupervisorMember::~SupervisorMember() = default;

SupervisorGroup::State::State(SupervisorOptions options)
    : options_(options), limit_("SupervisorOptions", options.most, options.within), past_ends_(options.within) {}

SupervisorGroup::State::~State() {
  while (!members_.empty()) members_.pop_back();
}

void SupervisorGroup::State::add(std::unique_ptr<SupervisorMember> member) {
  if (member->supervision().state().was_started())
    throw InvalidArgumentError(
        "Supervisor::add: the worker was started already, and a Supervisor starts its workers itself: add it before, "
        "with its start arguments");
  members_.reserve(members_.size() + 1);
  member->supervision().state().join(*this);
  if (is_started_) member->start();
  members_.push_back(std::move(member));
}

void SupervisorGroup::State::start() {
  std::vector<SupervisorMember*> started;
  started.reserve(members_.size());
  try {
    for (const auto& member : members_) {
      if (member->is_alive()) continue;
      member->start();
      started.push_back(member.get());
    }
  } catch (...) {
    for (SupervisorMember* const member : started | std::views::reverse) member->stop();
    throw;
  }
  limit_ = supervise::RestartLimit("SupervisorOptions", options_.most, options_.within);
  past_ends_.clear();
  is_started_ = true;
}

std::vector<ExitStatus> SupervisorGroup::State::stop() {
  is_started_ = false;
  for (const auto& member : members_) member->supervision().make_final();  // so that none is started meanwhile
  std::vector<ExitStatus> statuses(members_.size());
  for (std::size_t i = members_.size(); i-- != 0;) {
    try {
      statuses[i] = members_[i]->stop();
    } catch (const NoLinkError&) {
      // It was never started.
    }
  }
  return statuses;
}

// ---- the thread that drives ----

std::chrono::nanoseconds SupervisorGroup::State::look() {
  auto next = std::chrono::nanoseconds::max();
  std::exception_ptr thrown;
  for (const auto& member : members_) {
    try {
      next = std::min(next, member->supervision().look());
    } catch (...) {
      if (thrown == nullptr) thrown = std::current_exception();
    }
  }
  if (thrown != nullptr) std::rethrow_exception(thrown);
  return next;
}

std::size_t SupervisorGroup::State::place_of(const Supervision::State& member) const noexcept {
  const auto is_it = [&](const auto& each) { return &each->supervision().state() == &member; };
  return static_cast<std::size_t>(std::ranges::find_if(members_, is_it) - members_.begin());
}

Supervision::State& SupervisorGroup::State::state_of(std::size_t place) const noexcept {
  return members_[place]->supervision().state();
}

/// Whether a worker is started again when the one at `ended` is.
bool SupervisorGroup::State::goes_with(std::size_t ended, std::size_t other) const noexcept {
  switch (options_.strategy) {
    case Strategy::one_for_one:
      return other == ended;
    case Strategy::one_for_all:
      return true;
    case Strategy::rest_for_one:
      return other >= ended;
  }
  return false;
}

void SupervisorGroup::State::note_end(Supervision::State& ended, const ExitStatus& status) {
  const std::int64_t now = os::now_ns();
  const std::size_t place = place_of(ended);
  past_ends_.add(now, status, "worker " + ended.name() + " " + status.describe());
  const bool is_limit = limit_.is_reached(now);
  if (is_limit) {
    ended.give_up(std::make_exception_ptr(
        past_ends_.error("the workers of a Supervisor were", options_.most, "SupervisorOptions")));
  } else {
    limit_.note(now);
  }
  if (options_.strategy == Strategy::one_for_all) ended.give_up_next();  // it was started beside those that end now
  end_others(place, is_limit);
}

/// Stops those that go with a worker that has ended, the last one first. Throws what their `unless` throws, after all
/// were stopped.
void SupervisorGroup::State::end_others(std::size_t ended, bool all) {
  std::exception_ptr thrown;
  for (std::size_t other = members_.size(); other-- != 0;) {
    if (other == ended || !(all || goes_with(ended, other))) continue;
    try {
      state_of(other).end_with(state_of(ended));
    } catch (...) {
      thrown = std::current_exception();
    }
  }
  if (thrown != nullptr) std::rethrow_exception(thrown);
}

Waited SupervisorGroup::State::start_again(Supervision::State& ended, const os::Deadline& deadline) {
  if (options_.strategy == Strategy::one_for_one) return ended.start_again(ended, deadline);
  const std::size_t place = place_of(ended);
  Waited its_own = Waited::is_over;
  for (std::size_t other = members_.size(); other-- != 0;) {  // their `unless` has thrown
    if (goes_with(place, other) && state_of(other).is_left_behind()) state_of(other).end_with(ended);
  }
  for (std::size_t each = 0; each != members_.size(); ++each) {
    Supervision::State& member = state_of(each);
    // One that has ended too often throws, but only if this one cannot be without it.
    if (!member.has_ended() || (member.has_given_up() && !goes_with(each, place))) continue;
    Waited waited;
    try {
      waited = member.start_again(ended, deadline);
    } catch (...) {
      if (member.has_given_up()) end_others(each, false);  // also those that were started a moment ago
      throw;
    }
    if (waited == Waited::is_too_long) return waited;
    if (each == place) its_own = waited;
  }
  return its_own;
}

std::int64_t SupervisorGroup::State::due(const Supervision::State& ended) const noexcept {
  std::int64_t due = ended.due();
  if (options_.strategy == Strategy::one_for_one) return due;
  for (std::size_t each = 0; each != members_.size(); ++each) {
    const Supervision::State& member = state_of(each);
    if (member.has_ended() && !member.has_given_up()) due = std::max(due, member.due());
  }
  return due;
}

// ---- SupervisorGroup ----

SupervisorGroup::SupervisorGroup(SupervisorOptions options) : state_(std::make_unique<State>(options)) {}
SupervisorGroup::SupervisorGroup(SupervisorGroup&&) noexcept = default;
SupervisorGroup::~SupervisorGroup() = default;

SupervisorGroup::State& SupervisorGroup::state() const {
  if (state_ == nullptr) throw NoLinkError("this Supervisor was moved from: use the object it was moved to");
  return *state_;
}

void SupervisorGroup::add(std::unique_ptr<SupervisorMember> member) { state().add(std::move(member)); }
void SupervisorGroup::start() { state().start(); }
std::vector<ExitStatus> SupervisorGroup::stop() { return state().stop(); }
std::chrono::nanoseconds SupervisorGroup::look() { return state().look(); }

}  // namespace coproc::inline v0::detail
