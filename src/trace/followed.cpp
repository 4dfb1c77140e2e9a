#include "trace/followed.hpp"

#include "coproc/detail/foreign_text.hpp"
#include "os/clock.hpp"
#include "trace/recorder.hpp"
#include "trace/registry.hpp"

namespace coproc::inline v0::trace {

namespace {

/// The trace that reads this link; null once it has ended, whatever trace there is since. In a child that was forked,
/// links have the numbers of a trace of its parent.
Recorder* recorder_of(const Registry& registry, const FollowedLink& followed) COPROC_REQUIRES(registry.mutex) {
  Recorder* const recorder = registry.recorder;
  return recorder != nullptr && recorder->serial() == followed.recorder ? recorder : nullptr;
}

}  // namespace

std::size_t events_wanted() noexcept {
  Registry* const registry = Registry::find();
  if (registry == nullptr) return 0;
  const os::MutexLock lock(registry->mutex);
  return registry->recorder == nullptr ? 0 : registry->recorder->events_wanted();
}

Followed::Followed(link::Link& host_link, int pid, const std::string& name) {
  Registry* const registry = Registry::find();
  if (host_link.events() == nullptr || registry == nullptr) return;
  const auto followed = std::make_shared<FollowedLink>();
  host_link.events()->when_half_full([followed] { read_if_still(*followed); });
  const os::MutexLock lock(registry->mutex);
  if (registry->recorder == nullptr) return;
  registry->recorder->add(followed, host_link, pid, detail::in_one_line(name));
  followed_ = followed;
}

void Followed::read_if_still(FollowedLink& followed) noexcept {
  Registry* const registry = Registry::find();
  if (registry == nullptr) return;
  const os::MutexLock lock(registry->mutex);
  if (Recorder* const recorder = recorder_of(*registry, followed)) recorder->read(followed, link::Look::more_follow);
}

Followed& Followed::operator=(Followed&& other) noexcept {
  if (this != &other) {
    stop();
    followed_ = std::move(other.followed_);
  }
  return *this;
}

void Followed::note_end() noexcept {
  Registry* const registry = Registry::find();
  if (followed_ == nullptr || registry == nullptr) return;
  const os::MutexLock lock(registry->mutex);
  if (Recorder* const recorder = recorder_of(*registry, *followed_)) recorder->note_end(*followed_, os::now_ns());
}

void Followed::stop() noexcept {
  Registry* const registry = Registry::find();
  if (followed_ == nullptr || registry == nullptr) return;
  const os::MutexLock lock(registry->mutex);
  if (Recorder* const recorder = recorder_of(*registry, *followed_)) {
    recorder->read(*followed_, link::Look::last);
    recorder->remove(followed_);
  }
  followed_->link = nullptr;
}

}  // namespace coproc::inline v0::trace
