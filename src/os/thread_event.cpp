#include "os/thread_event.hpp"

#include <cstddef>
#include <memory>
#include <new>
#include <system_error>
#include <vector>

#include "os/fork_guard.hpp"
#include "os/mutex.hpp"

namespace coproc::inline v0::os {

namespace {

/// All events of this process. A fork closes them in the child, since they are its parent's, too; its one thread
/// opens its own again when it needs it.
class Events final : public ForkSensitive {
 public:
  static Events& get() {
    static auto* const events = new Events;  // never destroyed, since threads may outlive static objects
    return *events;
  }

  /// An event, which is open if it is new, and else closed.
  Event* take() {
    const ForkLock no_fork;
    const os::MutexLock lock(mutex_);
    if (unused_.empty()) {
      all_.push_back(std::make_unique<Event>());
      unused_.reserve(all_.capacity());  // so that give_back() allocates nothing
      return all_.back().get();
    }
    Event* const event = unused_.back();
    unused_.pop_back();
    return event;
  }

  void open(Event& event) {
    const ForkLock no_fork;
    event.open();
  }

  void add_user() {
    const ForkLock no_fork;
    const os::MutexLock lock(mutex_);
    ++users_;
  }

  void remove_user() noexcept {
    const ForkLock no_fork;
    const os::MutexLock lock(mutex_);
    if (--users_ != 0) return;
    for (const auto& event : all_) event->close();
  }

  void give_back(Event* event) noexcept {
    const ForkLock no_fork;
    const os::MutexLock lock(mutex_);
    event->close();
    unused_.push_back(event);
  }

 private:
  Events() = default;
  void leave_in_child() noexcept override {
    mutex_.assume_held();  // a forked child has one thread, and no other had locked the mutex at the fork
    for (const auto& event : all_) event->close_in_child();
  }

  os::Mutex mutex_;  // taken under a ForkLock, so that no forked child finds it locked
  std::vector<std::unique_ptr<Event>> all_ COPROC_GUARDED_BY(mutex_);
  std::vector<Event*> unused_ COPROC_GUARDED_BY(mutex_);
  std::size_t users_ COPROC_GUARDED_BY(mutex_) = 0;
  ForkRegistration registration_{*this};
};

struct Own {
  Event* event = nullptr;
  Own() = default;
  Own(const Own&) = delete;
  Own& operator=(const Own&) = delete;
  ~Own() {
    if (event != nullptr) Events::get().give_back(event);
  }
};
thread_local Own own;

}  // namespace

ThreadEventUser::ThreadEventUser() { Events::get().add_user(); }
ThreadEventUser::~ThreadEventUser() { Events::get().remove_user(); }

Event* thread_event() noexcept {
  try {
    if (own.event == nullptr) own.event = Events::get().take();
    if (own.event->fd() < 0) Events::get().open(*own.event);
    return own.event;
  } catch (const std::system_error&) {
    return nullptr;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

}  // namespace coproc::inline v0::os
