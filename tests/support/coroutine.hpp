// As much of a library for coroutines as the tests need: one that begins at once, and may be destroyed while it waits.
//
// Thread safety: none.
#pragma once

#include <poll.h>

#include <coroutine>
#include <exception>
#include <utility>

namespace support {

class Coroutine {
 public:
  struct promise_type {
    Coroutine get_return_object() noexcept {
      return Coroutine(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { error = std::current_exception(); }
    std::exception_ptr error;
  };

  Coroutine(Coroutine&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Coroutine& operator=(Coroutine&&) = delete;
  ~Coroutine() { destroy(); }

  bool is_done() const { return handle_.done(); }
  /// Throws what has left the coroutine.
  void check() const {
    if (handle_.promise().error) std::rethrow_exception(handle_.promise().error);
  }
  void destroy() noexcept {
    if (handle_) std::exchange(handle_, nullptr).destroy();
  }

 private:
  explicit Coroutine(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}

  std::coroutine_handle<promise_type> handle_;
};

/// Waits until a descriptor is readable; a negative time is for ever.
inline bool is_readable(int fd, int timeout_ms) {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, timeout_ms) == 1;
}

}  // namespace support
