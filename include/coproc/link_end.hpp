// One end of a link on its way to another process, by means of the program's own.
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

/// One end of a link that nobody has opened yet: descriptors, and a few bytes that describe them. Both can be carried to
/// another process by whatever the program has for that (a fork, a program executed with descriptors kept, SCM_RIGHTS), and the
/// end is opened there, once. For workers that a WorkerResource starts none of this is needed.
///
///     auto [mine, theirs] = coproc::PriorityMessenger::new_pair();
///     coproc::LinkEnd end(std::move(theirs));
///     if (fork() == 0) run_child(end.open<coproc::PriorityMessenger>());
///     end.close();   // or `mine` would never see the end of the child
///
/// An end may also come from a process that is not trusted: its memory has to be sealed, so that no access to it ever fails, and
/// of what the description says only what this process allows counts (see `open`). Whoever made the end may keep its
/// descriptors: it can read along and change what travels, and wake this end or not. So a link is as good as the process that
/// made it; what it cannot do is to crash or hang its other end, or to take more memory than that allows. `run` trusts the host
/// that the end comes from.
///
/// Unlike a messenger's, its descriptors are kept by every fork of the program, until it is opened or closed. They are
/// close-on-exec.
///
/// Thread safety: one thread at a time.
class COPROC_API LinkEnd {
 public:
  /// None.
  LinkEnd() noexcept;
  /// Gives up a messenger that has neither sent nor received. Throws InvalidArgumentError for another one.
  explicit LinkEnd(Messenger&& unused);
  /// What `fds()` and `description()` said in another process. Takes the descriptors, also when it throws:
  /// InvalidArgumentError.
  LinkEnd(std::span<const int> fds, std::string_view description);
  LinkEnd(LinkEnd&&) noexcept;
  LinkEnd& operator=(LinkEnd&&) noexcept;
  /// Closes it.
  ~LinkEnd();

  /// False once it was opened or closed.
  explicit operator bool() const noexcept { return parts_ != nullptr; }
  /// They stay this object's: whoever carries them duplicates them.
  std::vector<int> fds() const;
  std::string description() const;
  void close() noexcept;

  /// The messenger; this object is empty from then on. `M`: PriorityMessenger or MultiMessenger. `most`: what this process
  /// allows for max_message_bytes and max_queued_bytes, where the other side's options have more (these are what the other end
  /// goes by: give both the same). Spins last 10 ms at most. Throws InvalidArgumentError where it is empty or is a worker's (see
  /// `run`), or its second descriptor is no socket; ProtocolError for memory that is no link, or could shrink; SystemLimitError.
  template <class M>
  M open(const LinkOptions& most = {});

  /// For the end of an AdoptedWorker, once, in the worker's first thread: runs the target, and returns the exit code: 0 where the
  /// target returned, was asked to close or has lost its host, 1 where an exception left it, which the host is told. The process
  /// ends with its host from now on, and tells it where it crashes. Throws as `open`.
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
