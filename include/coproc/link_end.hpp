// One end of a link that a program carries to another process by its own means.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "coproc/export.hpp"
#include "coproc/messenger.hpp"

namespace coproc::inline v0 {

/// One end of a link that was not opened yet: descriptors, and a few bytes that describe them. A program carries both
/// to another process by its own means (a fork, an executed program that keeps descriptors, SCM_RIGHTS), and the end is
/// opened there, once. Workers that are started by a WorkerResource need none of this.
///
///     auto [mine, theirs] = coproc::PriorityMessenger::new_pair();
///     coproc::LinkEnd end(std::move(theirs));
///     if (fork() == 0) run_child(end.open<coproc::PriorityMessenger>());
///     end.close();   // otherwise `mine` would never notice the end of the child
///
/// An end may also come from an untrusted process. Its memory must be sealed, so that no access to it can fail, and the
/// limits in the description apply only as far as this process allows them (see `open`). The process that made the end
/// may keep its descriptors: it can read and change what travels, and decide whether this end is woken. It cannot crash
/// or hang the end that is opened here, or make it take more memory than is allowed. `run`, however, trusts the host
/// that the end comes from.
///
/// Every fork of the program keeps the descriptors, until this object is opened or closed; a messenger's descriptors
/// are not kept like this. All of them are close-on-exec.
///
/// Thread safety: one thread at a time.
class COPROC_API LinkEnd {
 public:
  /// Makes an empty LinkEnd.
  LinkEnd() noexcept;
  /// Takes the end out of a messenger that has neither sent nor received anything. Throws InvalidArgumentError for any
  /// other one.
  explicit LinkEnd(Messenger&& unused);
  /// Makes the end from the results of `fds()` and `description()` in another process. Takes ownership of the
  /// descriptors, also when it throws. Throws InvalidArgumentError.
  LinkEnd(std::span<const int> fds, std::string_view description);
  LinkEnd(LinkEnd&&) noexcept;
  LinkEnd& operator=(LinkEnd&&) noexcept;
  /// Closes the end.
  ~LinkEnd();

  /// Whether there is an end: false once it was opened or closed.
  explicit operator bool() const noexcept { return parts_ != nullptr; }
  /// The descriptors. This object keeps owning them, so duplicate them to pass them on.
  std::vector<int> fds() const;
  std::string description() const;
  void close() noexcept;

  /// Opens the end as a messenger, and leaves this object empty. `M` is PriorityMessenger or MultiMessenger.
  ///
  /// `most` holds the largest max_message_bytes and max_queued_bytes that this process allows. They apply here if the
  /// options of the other side have larger ones; the other end keeps to its own options, so give both the same. Spins
  /// last 10 ms at most.
  ///
  /// Throws InvalidArgumentError if this object is empty, is the end of a worker (see `run`), or has descriptors that
  /// are no pipes; ProtocolError for memory that is no link or could shrink; and SystemLimitError.
  template <class M>
  M open(const LinkOptions& most = {});

  /// In the process of an AdoptedWorker with AdoptOptions::capture_stderr: makes its stderr the one that the host
  /// reads. `run` does so, too; call this earlier for what is printed before. Otherwise it does nothing. Throws
  /// SystemLimitError.
  void redirect_stderr();
  /// In the process of an AdoptedWorker with AdoptOptions::control_group: enters its control group. `run` does so, too;
  /// call this earlier for what it starts or allocates before. Otherwise it does nothing. Throws SandboxError if the
  /// process may not enter it.
  void enter_control_group();
  /// Runs a target on the end of an AdoptedWorker, and returns the exit code for the process: 0 if the target returned,
  /// was asked to close or lost its host, and 1 if an exception left it, which is then sent to the host. Call this
  /// once, in the first thread of the worker. From now on the process ends with its host, and reports crashes to it.
  /// Throws the errors of `open`, and those of `enter_control_group`.
  template <class M>
  int run(const std::function<void(M&)>& target);

 private:
  friend class Worker;
  struct Parts;
  explicit LinkEnd(std::unique_ptr<Parts> parts) noexcept;
  Parts take(bool is_of_worker);

  std::unique_ptr<Parts> parts_;
};

}  // namespace coproc::inline v0
