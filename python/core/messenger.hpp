// A messenger as Python has it: one end of a link, which is opened when it is first used.
#pragma once

#include <pybind11/pybind11.h>
#include <coproc/link_end.hpp>
#include <coproc/messenger.hpp>
#include <coproc/stream.hpp>

#include <chrono>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "errors.hpp"
#include "lock.hpp"
#include "pickling.hpp"
#include "turn.hpp"
#include "value.hpp"

namespace coproc_python {

namespace py = pybind11;

/// An end that can be passed to another process. `sibling` is the other end of its pair, which that process must close.
struct HeldEnd {
  coproc::LinkEnd end;
  std::weak_ptr<HeldEnd> sibling;
  int pid = 0;  // the process that made it, or that it was passed to
};

class OutgoingData;
class Stream;

/// What the error says for a pickle that is not unpickled; null for the usual text.
using RefusalText = std::shared_ptr<const std::string>;

/// A received message: Python's `DataMessage`.
struct Received {
  coproc::Message message;
  py::object channel;
  bool unpickles;
  RefusalText refusal;
  py::object payload = {};  // cached once it was asked for
};

/// Whether the end of a run was reported to the user. A worker and its messenger share it.
struct EndReport {
  bool is_reported = false;  // the exception that left the target was raised or printed
};

/// Thread safety: the interpreter's lock. The waits release it, and hold a Use meanwhile.
class Messenger {
 public:
  Messenger(bool reorders, bool unpickles) noexcept : reorders_(reorders), unpickles_(unpickles) {}
  Messenger(const Messenger&) = delete;
  Messenger& operator=(const Messenger&) = delete;
  ~Messenger() { lose_streams(); }

  // ---- the link ----

  void hold(std::shared_ptr<HeldEnd> end) { held_ = std::move(end); }
  /// Uses a link that `keeper` keeps alive.
  void use(coproc::Messenger& link, std::shared_ptr<void> keeper,
           std::shared_ptr<EndReport> end_report = nullptr) noexcept {
    if (link_ != &link) lose_streams();
    link_ = &link;
    keeper_ = std::move(keeper);
    end_report_ = std::move(end_report);
  }
  /// Sets the names that the other process has in its main module, a coproc.main_module.MainNames, or None if they are
  /// not known.
  void set_main_names(py::object names) { main_names_ = MainNames(std::move(names)); }
  const MainNames& main_names() const noexcept { return main_names_; }
  /// Uses the link while `f` runs. When `f` has ended, other threads that wait in the link are interrupted.
  template <class F>
  void use_during(coproc::Messenger& link, F f) {
    struct Guest {
      Messenger& messenger;
      ~Guest() { messenger.leave(); }
    };
    use(link, nullptr);
    unpickles_state = unpickles_;
    const Guest guest{*this};
    f();
  }
  /// Throws ConcurrentUseError while another thread waits.
  void close();
  bool is_closed() const noexcept { return link_ == nullptr && held_ == nullptr; }
  /// The end that is not opened yet, and so can be passed to a process.
  const std::shared_ptr<HeldEnd>& held() const noexcept { return held_; }
  bool reorders() const noexcept { return reorders_; }
  bool unpickles() const noexcept { return unpickles_; }
  /// What the messenger of a Supervised asks.
  struct Supervision {
    /// Whether the worker has ended and is to be started again, which calls that wait have to do.
    std::function<bool()> awaits_restart;
    /// Whether the worker was told to make place for another one, so that sends wait until it has ended.
    std::function<bool()> makes_place;
    /// Supervised::look.
    std::function<std::chrono::nanoseconds()> look;
    bool watches_health;
  };
  void set_supervision(Supervision supervision) { supervision_ = std::move(supervision); }
  bool is_supervised() const noexcept { return supervision_.has_value(); }
  bool awaits_restart() const { return is_supervised() && supervision_->awaits_restart(); }
  bool makes_place();
  /// Looks after the worker. Returns after how many seconds to call it again: None if there is nothing to look at.
  py::object look();
  /// The same for tasks that watch the descriptor: None if it tells them everything.
  py::object look_if_needed();
  void set_refusal(std::string text) { refusal_ = std::make_shared<const std::string>(std::move(text)); }
  const RefusalText& refusal() const noexcept { return refusal_; }

  // ---- sending ----

  /// In a worker: whether a state that was saved is a pickle, as what its messenger sends.
  static inline bool unpickles_state = true;

  enum class Send { norequest, request, reply };
  std::uint64_t send(Send what, py::handle data, py::handle channel, py::handle timeout, py::handle priority);
  bool try_send(py::handle data, py::handle channel, py::handle priority);
  std::optional<std::uint64_t> try_send_request(py::handle data, py::handle channel, py::handle priority);
  std::vector<std::uint64_t> send_requests(py::iterable data, py::handle channel, py::handle timeout,
                                           py::handle priority);
  void reply_to(const Received& request, py::handle data, py::handle timeout, py::handle priority);
  void save(py::handle state, py::handle timeout);
  void save_and_reply(py::handle state, py::handle data, py::handle channel, py::handle timeout, py::handle priority);
  void save_and_reply_to(py::handle state, const Received& request, py::handle data, py::handle timeout,
                         py::handle priority);
  void reply_error_to(const Received& request, py::handle exception, py::handle timeout);
  void send_error(py::handle exception, py::handle timeout);
  void send_close_request();
  void send_end(py::handle timeout);
  void reply_part_to(const Received& request, py::handle data, py::handle timeout);
  bool try_reply_part_to(const Received& request, py::handle data);
  void end_reply_to(const Received& request, py::handle timeout);
  py::object lend(std::size_t bytes);

  // ---- streams ----

  coproc::Stream<coproc::Message> begin_stream(py::handle data, py::handle channel, py::handle timeout,
                                               long long window_bytes, py::handle priority);
  /// Keeps the stream in mind, which has just begun. It is told before the link goes.
  void add(Stream& stream) { streams_.push_back(&stream); }
  /// Forgets a stream that nobody refers to any more, and cancels it: now, or, if a call is under way, behind that.
  void abandon(const Stream& stream, coproc::Stream<coproc::Message> parts) noexcept;
  /// Cancels a stream whose object lives on: now, or, if a signal handler calls this within another call, behind that.
  /// REQUIRES: this thread has its turn.
  void cancel(coproc::Stream<coproc::Message>& parts) noexcept;

  // ---- receiving ----

  py::object receive(py::handle channel, py::handle timeout);
  Received receive_message(py::handle channel, py::handle timeout);
  Received receive_any(const py::iterable& channels, py::handle timeout);
  /// Returns None if nothing has arrived.
  py::object try_receive(py::handle channel, bool as_message);
  py::list receive_available(py::handle channel);
  py::list receive_available_messages(py::handle channel);
  py::object receive_reply(std::uint64_t id, py::handle timeout);
  /// Returns None if the reply has not arrived. What the other side has sent is raised, also if it is a TimeoutError.
  py::object try_receive_reply(std::uint64_t id);
  void discard_reply(std::uint64_t id);
  void keep_latest(py::handle channel);
  py::object call(py::handle data, py::handle channel, py::handle timeout);
  py::object receive_next_reply(py::handle channel, py::handle timeout);
  Received receive_next_reply_message(py::handle channel, py::handle timeout);
  /// The same as try_receive_reply.
  py::object try_receive_next_reply(py::handle channel);

  // ---- looking ----

  std::size_t available(py::handle channel);
  std::size_t queued(py::handle channel);
  std::size_t remaining(py::handle channel);
  coproc::ChannelCounts counts(py::handle channel);
  bool has_work();
  /// Waits until there is something on any channel, or raises what a receive would raise.
  void await_available(py::handle timeout);
  /// Returns a message that is in the queue already; throws py::index_error if there is none.
  Received pop_from_queue(py::handle channel);
  bool close_requested();
  void interrupt();
  int native_handle();
  /// The channels that this messenger was ever called with, except None.
  const py::set& channels() const noexcept { return channels_; }

  /// Opens the link if that has not happened yet. Throws LinkClosedError.
  coproc::Messenger& link();

  /// Calls `f`, and raises the Python exception that the other side has sent if that throws one.
  template <class F>
  auto with_errors(F f) {
    try {
      return f();
    } catch (const PythonError& error) {
      note_raised(error);
      raise_remote(error, unpickles_);
    }
  }
  /// Call before the error is raised.
  void note_raised(const PythonError& error) noexcept {
    if (error.has_escaped() && end_report_ != nullptr) end_report_->is_reported = true;
  }

  /// What happens within a call of this messenger that starts its worker again. Meanwhile other threads get no turn.
  /// With `replaces_link` they do not touch the link either, not even by an interrupt, which then follows.
  class Interlude {
   public:
    Interlude(Messenger& messenger, bool replaces_link) noexcept;
    Interlude(const Interlude&) = delete;
    Interlude& operator=(const Interlude&) = delete;
    ~Interlude();

   private:
    Messenger& messenger_;
    const bool was_asleep_;
  };

  /// The turn of this thread in the link. It is kept while the thread works without the interpreter's lock.
  class Use {
   public:
    explicit Use(Messenger& messenger, Turn::Kind kind = Turn::Kind::brief)
        : messenger_(messenger), kind_(kind), link_(begin()) {}
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use() { messenger_.turn_.end(kind_); }
    coproc::Messenger& link() const noexcept { return *link_; }
    coproc::Messenger* operator->() const noexcept { return link_; }

    /// Calls `f()`, which does not wait. Another thread that wants its turn interrupts the thread that waits; if that
    /// wait had ended by then, the interrupt ends `f` instead. Then `f` is called again.
    template <class F>
    auto at_once(F f) const;
    /// Calls `f(time)` without the interpreter's lock, again each time that a thread that wants its turn has
    /// interrupted it.
    template <class F>
    auto run(coproc::Timeout time, F f) const;
    /// The same for a wait for one of several messengers.
    template <class F>
    static auto run_all(const std::vector<std::unique_ptr<Use>>& uses, coproc::Timeout time, F f);

   private:
    coproc::Messenger* begin() const;
    /// Whether the interrupt is one of the user's, which the waiting call reports, and not one of a thread that wants
    /// its turn.
    bool is_users_interrupt() const {
      return std::exchange(messenger_.is_interrupted_, false) || messenger_.link_ != link_;
    }
    coproc::Timeout let_others_in(coproc::Timeout time, std::chrono::steady_clock::time_point began) const;

    Messenger& messenger_;
    const Turn::Kind kind_;
    coproc::Messenger* const link_;
  };

 private:
  void leave() noexcept;
  const coproc::ChannelId& id_of(py::handle channel);
  template <class SendBytes>
  auto send_value(py::handle data, py::handle timeout, SendBytes send_bytes);
  template <class SendBytes>
  auto send_outgoing(const OutgoingData& outgoing, coproc::Timeout time, SendBytes send_bytes);
  bool has_queued();
  static std::optional<coproc::Message> next_in(const Use& use, const coproc::ChannelId& channel = {});
  std::optional<coproc::Message> try_next(const coproc::ChannelId& channel);
  std::vector<coproc::Message> all_available(const coproc::ChannelId& channel);
  void look_by_receiving(const Use& use, const coproc::ChannelId& channel);
  void put_back(std::span<coproc::Message> messages);
  py::object payload_or_put_back(coproc::Message message);
  py::object receive_reply_within(std::uint64_t id, coproc::Timeout time);
  template <class Receive>
  py::object try_receive_as(Receive receive);
  static coproc::Message next_reply_in(const Use& use, const coproc::ChannelId& channel, coproc::Timeout time);
  void cancel_later(coproc::Stream<coproc::Message> parts, bool interrupts) noexcept;
  void cancel_abandoned() noexcept;
  void lose_streams() noexcept;
  coproc::Message wait_for_message(py::handle channel, py::handle timeout);

  std::shared_ptr<HeldEnd> held_;
  std::variant<std::monostate, coproc::PriorityMessenger, coproc::MultiMessenger> owned_;
  coproc::Messenger* link_ = nullptr;  // points into owned_, or to what keeper_ keeps
  std::shared_ptr<void> keeper_;
  const bool reorders_;
  const bool unpickles_;
  RefusalText refusal_;
  std::shared_ptr<EndReport> end_report_;
  MainNames main_names_;
  Turn turn_;
  bool is_interrupted_ = false;  // by the user, so that the waiting call reports it
  std::optional<Supervision> supervision_;
  bool is_in_interlude_ = false;
  bool is_link_replaced_ = false;  // it is being replaced now
  py::set channels_;
  // Declared behind what they use.
  std::vector<Stream*> streams_;
  std::vector<coproc::Stream<coproc::Message>> abandoned_;  // nobody wants them any more; not cancelled yet
};

/// Marks the thread as working without the interpreter's lock while this object lives.
class Asleep {
 public:
  Asleep(Turn& turn, bool is_asleep) noexcept : turn_(turn) { turn_.set_asleep(is_asleep); }
  Asleep(const Asleep&) = delete;
  Asleep& operator=(const Asleep&) = delete;
  ~Asleep() { turn_.set_asleep(false); }

 private:
  Turn& turn_;
};

template <class F>
auto Messenger::Use::at_once(F f) const {
  for (;;) {
    try {
      return f();
    } catch (const coproc::InterruptedError&) {
      if (is_users_interrupt()) throw;
    }
  }
}

template <class F>
auto Messenger::Use::run(coproc::Timeout time, F f) const {
  const auto began = std::chrono::steady_clock::now();
  for (coproc::Timeout left = time;; left = let_others_in(time, began)) {
    try {
      const Asleep asleep(messenger_.turn_, kind_ == Turn::Kind::wait);
      const Unlocked unlocked;
      return f(left);
    } catch (const coproc::InterruptedError&) {
      if (is_users_interrupt()) throw;
    }
  }
}

template <class F>
auto Messenger::Use::run_all(const std::vector<std::unique_ptr<Use>>& uses, coproc::Timeout time, F f) {
  const auto began = std::chrono::steady_clock::now();
  for (coproc::Timeout left = time;;) {
    try {
      std::deque<Asleep> asleep;
      for (const auto& use : uses) asleep.emplace_back(use->messenger_.turn_, true);
      const Unlocked unlocked;
      return f(left);
    } catch (const coproc::InterruptedError&) {
      bool is_users = false;
      for (const auto& use : uses) is_users = use->is_users_interrupt() || is_users;
      if (is_users) throw;
    }
    for (const auto& use : uses) left = use->let_others_in(time, began);
  }
}

/// The payload of a message, if its type is one that Python knows.
py::object payload_of(const coproc::Message& message, bool unpickles, const RefusalText& refusal);

void bind_messenger(py::module_& module);
void bind_link_end(py::module_& module);

}  // namespace coproc_python
