#include "trace/followed.hpp"

#include "coproc/detail/foreign_text.hpp"
#include "os/clock.hpp"
#include "trace/recorder.hpp"
#include "trace/registry.hpp"

namespace coproc::inline v0::trace {

std::size_t events_wanted() noexcept {
  Registry* const registry = Registry::find();
  if (registry == nullptr) return 0;
  const os::MutexLock lock(registry->mutex);
  return registry->recorder == nullptr ? 0 : registry->recorder->events_wanted();
}

Followed::Followed(link::Link& host_link, int pid, const std::string& name) {
  Registry* const registry = Registry::find();
  if (host_link.events() == nullptr || registry == nullptr) return;
  const os::MutexLock lock(registry->mutex);
  Recorder* const recorder = registry->recorder;
  if (recorder == nullptr) return;
  followed_ = recorder->add(host_link, pid, detail::in_one_line(name));
  host_link.events()->when_half_full([followed = followed_, recorder] { read_if_still(recorder, *followed); });
}

void Followed::read_if_still(Recorder* recorder, FollowedLink& followed) noexcept {
  Registry* const registry = Registry::find();
  if (registry == nullptr) return;
  const os::MutexLock lock(registry->mutex);
  if (registry->recorder == recorder) recorder->read(followed);
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
  if (registry->recorder == nullptr || followed_->link == nullptr) return;
  registry->recorder->note_end(*followed_, os::now_ns());
}

void Followed::stop() noexcept {
  Registry* const registry = Registry::find();
  if (followed_ == nullptr || registry == nullptr) return;
  const os::MutexLock lock(registry->mutex);
  if (Recorder* const recorder = registry->recorder) {
    recorder->read(*followed_);
    recorder->remove(followed_);
  }
  followed_->link = nullptr;
}

}  // namespace coproc::inline v0::trace
