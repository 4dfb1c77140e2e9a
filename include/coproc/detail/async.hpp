// Operations that wait on a messenger without a thread, without their types: the interface between the templates of
// coproc/async.hpp and coproc/asio.hpp, and src/messenger.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <stop_token>

#include "coproc/channel.hpp"
#include "coproc/detail/incoming.hpp"
#include "coproc/detail/outgoing.hpp"
#include "coproc/export.hpp"
#include "coproc/request_id.hpp"
#include "coproc/timeout.hpp"

namespace coproc::inline v0 {

class Messenger;

/// How long an operation waits.
struct AsyncOptions {
  /// After this time the operation throws TimeoutError.
  Timeout timeout = kForever;
  /// A request to stop makes the operation throw CancelledError. Any thread may make it.
  std::stop_token stop = {};
};

namespace detail {

class AsyncCore;
class AsyncOperations;

/// One receive of a message, a reply or a part of a stream, or one call. It is in one list at most, and its destructor
/// takes it out.
///
/// Thread safety: that of the messenger, but for `is_stopped`.
class COPROC_API AsyncOperation {
 public:
  enum class Kind : std::uint8_t { message, reply, call, part };
  static constexpr std::int64_t kNever = (std::numeric_limits<std::int64_t>::max)();

  AsyncOperation(Kind kind_of_it, ChannelId on, const Incoming& into, const AsyncOptions& options);
  AsyncOperation(const AsyncOperation&) = delete;
  AsyncOperation& operator=(const AsyncOperation&) = delete;
  /// Tells whoever waits that the operation is done. It may destroy the operation, and use the messenger.
  virtual void finish() = 0;

  Kind kind;
  ChannelId channel;
  Incoming to;
  RequestId id{};                   // of a reply or a stream; of a call once it was sent
  bool is_over = false;             // once it is done: the stream is over
  std::optional<Outgoing> request;  // of a call that was not sent yet
  std::int64_t deadline;            // in ns, on the clock of the library
  std::stop_token stop;
  std::atomic<bool> is_stopped{false};
  std::optional<std::stop_callback<std::function<void()>>> on_stop;
  std::exception_ptr error;        // once it is done: what went wrong
  Messenger* messenger = nullptr;  // once it has begun

 protected:
  /// The reply to a call that still waits is dropped when it comes.
  virtual ~AsyncOperation();

 private:
  friend class AsyncOperations;
  AsyncOperation* before_ = nullptr;
  AsyncOperation* behind_ = nullptr;
  AsyncOperations* list_ = nullptr;
};

/// Operations in the order in which they began.
class COPROC_API AsyncOperations {
 public:
  AsyncOperations() = default;
  AsyncOperations(const AsyncOperations&) = delete;
  AsyncOperations& operator=(const AsyncOperations&) = delete;
  ~AsyncOperations();
  bool empty() const noexcept { return first_ == nullptr; }
  bool has_one() const noexcept { return first_ != nullptr && first_ == last_; }
  AsyncOperation* first() const noexcept { return first_; }
  bool has(const AsyncOperation& operation) const noexcept { return operation.list_ == this; }
  static AsyncOperation* behind(const AsyncOperation& operation) noexcept { return operation.behind_; }
  /// Takes it out of its list, and appends it to this one.
  void take(AsyncOperation& operation) noexcept;
  /// Takes it out of its list, if it is in one.
  static void remove(AsyncOperation& operation) noexcept;

 private:
  AsyncOperation* first_ = nullptr;
  AsyncOperation* last_ = nullptr;
};

/// A handle to what waits on one messenger.
class COPROC_API AsyncHandle {
 public:
  explicit AsyncHandle(Messenger& messenger);
  AsyncHandle(AsyncHandle&&) noexcept = default;
  AsyncHandle& operator=(AsyncHandle&& other) noexcept;
  ~AsyncHandle();

  /// Begins an operation. Returns true if it is done already; then its finish() is not called.
  bool begin(AsyncOperation& operation) const;
  /// Makes the operation done with a CancelledError, if it waits. Its finish() is called by the next poll.
  void cancel(AsyncOperation& operation) const;
  std::size_t cancel_all() const;
  /// Cancels all, now and later. From then on the messenger is not used any more.
  void close() const;
  int native_handle() const;
  std::size_t poll() const;
  bool wait(Timeout timeout) const;
  std::size_t waiting() const noexcept;

 private:
  std::shared_ptr<AsyncCore> core_;
};

}  // namespace detail

}  // namespace coproc::inline v0
