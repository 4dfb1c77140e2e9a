#include "messenger/async_core.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <system_error>
#include <utility>

#include "coproc/detail/duplicate_fd.hpp"
#include "coproc/errors.hpp"
#include "messenger/access.hpp"
#include "messenger/refused.hpp"
#include "messenger/supervised.hpp"
#include "os/file.hpp"

namespace coproc::inline v0::detail {

namespace {

constexpr std::int64_t kNever = AsyncOperation::kNever;
constexpr const char* kDestroyed = "what lets operations wait on this messenger was destroyed";

/// Whether it tells that the worker has ended, or is of no use any more.
bool is_of_worker(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const WorkerDiedError&) {
    return true;
  } catch (const ProtocolError&) {
    return true;
  } catch (...) {
    return false;
  }
}

std::exception_ptr cancelled(const std::string& why) { return std::make_exception_ptr(CancelledError(why)); }

/// Gives up the reply to a call, if it was sent and has none.
void discard_reply(const AsyncOperation& operation) noexcept {
  if (operation.kind != AsyncOperation::Kind::call || operation.id == RequestId{}) return;
  Core* const core = MessengerAccess::core(*operation.messenger);
  try {
    if (core != nullptr) core->discard_reply(static_cast<std::uint64_t>(operation.id));
  } catch (const Error&) {
    // The messenger is that of another process, which this one was forked from.
  }
}

}  // namespace

int duplicate_fd(int fd) {
  return name_refusals("a descriptor cannot be duplicated", [&] { return os::duplicate(fd).release(); });
}

// ---- operations ----

AsyncOperation::AsyncOperation(Kind kind_of_it, ChannelId on, const Incoming& into, const AsyncOptions& options)
    : kind(kind_of_it),
      channel(std::move(on)),
      to(into),
      deadline(options.timeout.ns == kForever.ns ? kNever : os::Deadline::from_now(options.timeout.ns)),
      stop(options.stop) {}

AsyncOperation::~AsyncOperation() {
  if (list_ != nullptr) discard_reply(*this);
  AsyncOperations::remove(*this);
}

AsyncOperations::~AsyncOperations() {
  while (first_ != nullptr) remove(*first_);
}

void AsyncOperations::take(AsyncOperation& operation) noexcept {
  remove(operation);
  operation.list_ = this;
  operation.before_ = last_;
  (last_ == nullptr ? first_ : last_->behind_) = &operation;
  last_ = &operation;
}

void AsyncOperations::remove(AsyncOperation& operation) noexcept {
  if (operation.list_ == nullptr) return;
  AsyncOperations& list = *std::exchange(operation.list_, nullptr);
  AsyncOperation* const before = std::exchange(operation.before_, nullptr);
  AsyncOperation* const behind = std::exchange(operation.behind_, nullptr);
  (before == nullptr ? list.first_ : before->behind_) = behind;
  (behind == nullptr ? list.last_ : behind->before_) = before;
}

// ---- the descriptor for event loops ----

class AsyncCore::Loop final : public os::ForkSensitive {
 public:
  Loop() : Loop(os::ForkLock()) {}
  ~Loop() override {
    const os::ForkLock no_fork;  // see Link::~Link()
    leave_in_child();
  }

  int fd() const noexcept { return epoll_.fd(); }
  /// Watches the link of this core; for interrupts alone if its worker has ended and another one is to come, since the
  /// rest would stay readable.
  void watch(Core& core) {
    const bool is_whole = !core.asks_again();
    if (watched_run_ == core.run() && is_whole_ == is_whole) return;
    stop_watching(&core);  // that of an earlier link is closed, and so is not watched any more
    watched_ = core.native_handle();
    if (!is_whole) watched_ = core.interrupt_handle();
    core.let_operations_receive(true);
    epoll_.add(watched_, EPOLLIN);
    watched_run_ = core.run();
    is_whole_ = is_whole;
  }
  void stop_watching(const Core* core) noexcept {
    if (std::exchange(watched_run_, 0) == 0 || core == nullptr) return;
    try {
      epoll_.remove(watched_);
    } catch (const std::system_error&) {
      // It was closed, so that it is not watched any more.
    }
  }
  std::int64_t due() const noexcept { return due_; }
  void set_due(std::int64_t at) {
    due_ = at;
    if (at == kNever) return timer_.clear();
    timer_.set(std::chrono::nanoseconds(at - os::now_ns()));
  }

 private:
  explicit Loop(const os::ForkLock&) { epoll_.add(timer_.fd(), EPOLLIN); }
  void leave_in_child() noexcept override {
    epoll_.close();
    timer_.close();
  }

  os::Epoll epoll_;
  os::TimerFd timer_;
  int watched_ = -1;
  std::uint64_t watched_run_ = 0;  // 0: nothing is watched
  bool is_whole_ = true;           // otherwise only its interrupts
  std::int64_t due_ = kNever;      // what the timer is set to
  os::ForkRegistration registration_{*this};
};

// ---- the core ----

Core* AsyncCore::core() const noexcept { return MessengerAccess::core(messenger_); }

void AsyncCore::fail(AsyncOperations& operations, const std::exception_ptr& error) noexcept {
  while (AsyncOperation* const operation = operations.first()) {
    operation->error = error;
    done_.take(*operation);
  }
}

/// Serves these operations. `is_all`: they are all that wait. If their worker has ended and may be replaced, they go on
/// waiting, and this returns the error of its end.
std::exception_ptr AsyncCore::serve(AsyncOperations& operations, bool is_all, bool looks_at_peer) {
  std::exception_ptr end;
  if (Core* const core = this->core()) {
    try {
      end = core->serve(operations, done_, is_all, looks_at_peer);
    } catch (const std::bad_alloc& error) {
      core->throw_no_memory(error);
    }
    if (end == nullptr || (core->is_supervised() && is_of_worker(end))) return end;
  } else {
    try {
      (void)messenger_.native_handle();  // throws that there is no link
    } catch (const Error&) {
      end = std::current_exception();
    }
  }
  fail(operations, end);
  return nullptr;
}

/// Serves all that wait. A worker that is supervised is looked after: another one is started if that is due, and the
/// operations fail or go on with it, as calls do. A wait for that takes no longer than `time`.
void AsyncCore::drive(bool looks_at_peer, std::chrono::nanoseconds time) {
  while (!waiting_.empty()) {
    const std::exception_ptr end = serve(waiting_, true, looks_at_peer);
    const Core* const core = this->core();
    if (waiting_.empty() || core == nullptr || !core->is_supervised()) return;
    if (end == nullptr && os::now_ns() < next_look()) return;
    const std::uint64_t run = core->run();
    try {
      look_after_worker(end, time);
    } catch (const InterruptedError&) {
      return;  // for one of the operations, which the next look finds cancelled
    } catch (...) {
      fail(waiting_, std::current_exception());
    }
    if (this->core()->run() == run) return;
  }
}

/// `end`: the error of its end, if that was found. Throws it, or what its supervisor throws, unless all goes on.
void AsyncCore::look_after_worker(std::exception_ptr end, std::chrono::nanoseconds time) {
  if (end != nullptr) {
    (void)supervised(*core(), Timeout(time), [&](const Timeout&) {
      if (end != nullptr) std::rethrow_exception(std::exchange(end, nullptr));
      return true;  // there is another worker
    });
  }
  next_look_ = os::Deadline::from_now(core()->let_supervisor_look());
  looked_run_ = core()->run();
}

/// When the worker is to be looked after, if something waits: 0 if nobody has looked yet.
std::int64_t AsyncCore::next_look() const noexcept {
  const Core* const core = this->core();
  if (core == nullptr || !core->is_supervised()) return kNever;
  return core->run() == looked_run_ ? next_look_ : 0;
}

bool AsyncCore::begin(AsyncOperation& operation) {
  if (is_closed_) {
    operation.error = cancelled(kDestroyed);
    return true;
  }
  operation.messenger = &messenger_;
  if (operation.stop.stop_possible()) {
    operation.on_stop.emplace(operation.stop, [&operation, &messenger = messenger_] {
      operation.is_stopped = true;
      messenger.interrupt();  // so that whoever drives looks
    });
  }
  if (const Core* const core = this->core(); core != nullptr && core->goes_on()) core->prepare_call();
  AsyncOperations alone;
  const bool is_message = operation.kind == AsyncOperation::Kind::message;  // then others come first: Core::serve()
  (is_message ? waiting_ : alone).take(operation);
  (void)serve(is_message ? waiting_ : alone, is_message || waiting_.empty(), false);  // an end is left to drive()
  if (done_.has(operation)) {
    AsyncOperations::remove(operation);
    operation.on_stop.reset();
    if (operation.error != nullptr) discard_reply(operation);
    if (!done_.empty()) note_deadline(os::now_ns());  // the next poll() finishes what else is done
    return true;
  }
  waiting_.take(operation);
  note_deadline(std::min(operation.deadline, next_look()));
  if (loop_ != nullptr) name_refusals("an operation cannot wait", [&] { loop_->watch(*core()); });
  return false;
}

void AsyncCore::cancel(AsyncOperation& operation) {
  operation.is_stopped = true;
  messenger_.interrupt();
}

std::size_t AsyncCore::cancel_all(const std::string& why) {
  while (AsyncOperation* const operation = waiting_.first()) {
    operation->error = cancelled(why);
    done_.take(*operation);
  }
  return finish_done();
}

void AsyncCore::close() {
  if (std::exchange(is_closed_, true)) return;
  loop_.reset();
  (void)cancel_all(kDestroyed);
  if (Core* const core = this->core()) core->let_operations_receive(false);
}

int AsyncCore::native_handle() {
  if (loop_ == nullptr) {
    name_refusals("an AsyncMessenger has no native handle", [&] { loop_ = std::make_unique<Loop>(); });
    note_deadline(first_deadline());
    tend_loop();
  }
  return loop_->fd();
}

std::size_t AsyncCore::poll() {
  drive(true, std::chrono::seconds(0));
  return finish_done();
}

/// Finishes what is done, also what becomes so meanwhile.
std::size_t AsyncCore::finish_done() {
  struct Tending {
    AsyncCore& core;
    ~Tending() noexcept(false) { core.tend_loop(); }
  } tending{*this};
  std::size_t count = 0;
  while (AsyncOperation* const operation = done_.first()) {
    AsyncOperations::remove(*operation);
    operation->on_stop.reset();
    if (operation->error != nullptr) discard_reply(*operation);
    ++count;
    operation->finish();
  }
  return count;
}

bool AsyncCore::wait(const os::Deadline& deadline) {
  const auto time_left = [&] {
    const std::int64_t first = first_deadline();
    const auto until = std::chrono::nanoseconds(first == kNever ? kNever : first - os::now_ns());
    return std::min(until, deadline.remaining());
  };
  for (;;) {
    drive(false, time_left());
    if (finish_done() != 0) return true;
    Core* const core = this->core();
    if (waiting_.empty() || core == nullptr || deadline.passed()) return false;
    core->wait_for_news(os::Deadline(time_left()));
  }
}

std::int64_t AsyncCore::first_deadline() const noexcept {
  std::int64_t first = waiting_.empty() ? kNever : next_look();
  for (AsyncOperation* each = waiting_.first(); each != nullptr; each = AsyncOperations::behind(*each)) {
    first = std::min(first, each->deadline);
  }
  return first;
}

std::size_t AsyncCore::waiting() const noexcept {
  std::size_t count = 0;
  for (const AsyncOperations* list : {&waiting_, &done_}) {
    for (AsyncOperation* each = list->first(); each != nullptr; each = AsyncOperations::behind(*each)) ++count;
  }
  return count;
}

void AsyncCore::note_deadline(std::int64_t deadline) {
  if (loop_ == nullptr || deadline >= loop_->due()) return;
  name_refusals("an operation cannot have a deadline", [&] { loop_->set_due(deadline); });
}

/// Brings the descriptor in line with what waits. A time that was set before may pass for nothing.
void AsyncCore::tend_loop() {
  if (loop_ == nullptr) return;
  Core* const core = this->core();
  name_refusals("the descriptor of an AsyncMessenger cannot be changed", [&] {
    if (waiting_.empty() || core == nullptr) {
      loop_->stop_watching(core);
    } else {
      loop_->watch(*core);
    }
    if (!done_.empty()) return loop_->set_due(os::now_ns());  // an exception has left a finish()
    if (loop_->due() != kNever && os::now_ns() >= loop_->due()) return loop_->set_due(first_deadline());
    if (!waiting_.empty()) note_deadline(next_look());
  });
}

// ---- the handle ----

AsyncHandle::AsyncHandle(Messenger& messenger) : core_(std::make_shared<AsyncCore>(messenger)) {}

AsyncHandle& AsyncHandle::operator=(AsyncHandle&& other) noexcept {
  if (this == &other) return *this;
  const AsyncHandle ended(std::move(*this));
  core_ = std::move(other.core_);
  return *this;
}

AsyncHandle::~AsyncHandle() {
  if (core_ != nullptr) close();
}

// What is resumed in one of these calls may destroy the handle.
bool AsyncHandle::begin(AsyncOperation& operation) const { return core_->begin(operation); }
void AsyncHandle::cancel(AsyncOperation& operation) const { core_->cancel(operation); }
std::size_t AsyncHandle::cancel_all() const {
  const std::shared_ptr<AsyncCore> core = core_;
  return core->cancel_all("cancel() was called");
}
void AsyncHandle::close() const {
  const std::shared_ptr<AsyncCore> core = core_;
  core->close();
}
int AsyncHandle::native_handle() const { return core_->native_handle(); }
std::size_t AsyncHandle::poll() const {
  const std::shared_ptr<AsyncCore> core = core_;
  return core->poll();
}
bool AsyncHandle::wait(Timeout timeout) const {
  const std::shared_ptr<AsyncCore> core = core_;
  return core->wait(os::Deadline(timeout.ns));
}
std::size_t AsyncHandle::waiting() const noexcept { return core_ == nullptr ? 0 : core_->waiting(); }

}  // namespace coproc::inline v0::detail
