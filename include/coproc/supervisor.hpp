// Supervised workers that depend on each other, and are started again together.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "coproc/exit_status.hpp"
#include "coproc/export.hpp"
#include "coproc/restart.hpp"
#include "coproc/supervised.hpp"

namespace coproc::inline v0 {

/// Which workers of a Supervisor are started again when one of them has ended.
enum class Strategy : std::uint8_t {
  one_for_one,   // that one
  one_for_all,   // all
  rest_for_one,  // that one, and those that were added after it
};

struct SupervisorOptions {
  Strategy strategy = Strategy::one_for_one;
  /// The most ends of its workers, within any stretch of `within`, after which there are restarts. At one more, all
  /// workers are stopped, and RestartLimitError is thrown. The limits of each worker's RestartOptions hold as well.
  std::size_t most = 5;
  std::chrono::nanoseconds within = std::chrono::minutes(1);
};

namespace detail {

/// A worker of a Supervisor, and the arguments of its start.
class COPROC_API SupervisorMember {
 public:
  SupervisorMember() = default;
  SupervisorMember(const SupervisorMember&) = delete;
  SupervisorMember& operator=(const SupervisorMember&) = delete;
  virtual ~SupervisorMember();
  virtual void start() = 0;
  virtual ExitStatus stop() = 0;
  virtual bool is_alive() const noexcept = 0;
  virtual Supervision& supervision() noexcept = 0;
};

/// The part of a Supervisor that does not depend on the types of its workers.
class COPROC_API SupervisorGroup {
 public:
  explicit SupervisorGroup(SupervisorOptions options);
  SupervisorGroup(SupervisorGroup&&) noexcept;
  SupervisorGroup& operator=(SupervisorGroup&&) = delete;
  ~SupervisorGroup();

  void add(std::unique_ptr<SupervisorMember> member);
  void start();
  std::vector<ExitStatus> stop();
  std::chrono::nanoseconds look();

 private:
  class State;
  State& state() const;
  std::unique_ptr<State> state_;
};

}  // namespace detail

/// Workers that depend on each other: they are started in the order in which they were added, stopped in reverse, and
/// started again together as a Strategy says.
///
///     coproc::Supervisor group{{.strategy = coproc::Strategy::rest_for_one}};
///     auto& store = group.add(coproc::Supervised{&keep, {.name = "store"}}, path);
///     auto& index = group.add(coproc::Supervised{&index_files, {.name = "index"}}, config);
///     group.start();
///     index.messenger().send_request("fox");
///
/// The call that finds a worker dead drives, as for any Supervised: it stops the workers that go with the dead one, the
/// last one first, and starts all of them again, the first one first. docs/supervision.md says more.
///
/// Thread safety: one thread at a time uses the messengers of all its workers, since a call of one may replace the
/// others. Any thread may call `stop`.
class Supervisor {
 public:
  /// Throws InvalidArgumentError for options that cannot work.
  explicit Supervisor(SupervisorOptions options = {}) : group_(options) {}
  Supervisor(Supervisor&&) noexcept = default;
  Supervisor& operator=(Supervisor&&) = delete;
  /// Stops all workers, the last one first.
  ~Supervisor() = default;

  /// Adds a worker, which `start` starts with these arguments. Between `start` and `stop` it is started now. Returns
  /// the worker, which lives as long as this Supervisor and is not to be moved. Throws InvalidArgumentError if it was
  /// started already, and the errors of Supervised::start; then it is not added.
  template <class Target, class M, class... A>
  Supervised<Target, M>& add(Supervised<Target, M> worker, A&&... arguments) {
    static_assert((std::copy_constructible<detail::kept_t<A>> && ...),
                  "coproc: the start arguments of a worker of a Supervisor are copied for each start: give values that "
                  "can be copied");
    auto member =
        std::make_unique<Member<Target, M, detail::kept_t<A>...>>(std::move(worker), std::forward<A>(arguments)...);
    Supervised<Target, M>& added = member->worker;
    group_.add(std::move(member));
    return added;
  }

  /// Starts all workers that are not alive, in the order in which they were added. If a start fails, the workers that
  /// this call has started are stopped, the last one first, and the error of Supervised::start is thrown.
  void start() { group_.start(); }

  /// Ends all workers, the last one first, each by Supervised::stop. None is started again until the next `start`.
  /// Returns how they ended, in the order in which they were added; those that were never started have an UnknownEnd.
  std::vector<ExitStatus> stop() { return group_.stop(); }

  /// Looks at all workers by Supervised::look, for programs that wait elsewhere, and returns when to call it again: the
  /// earliest of these times. If several of these looks throw, the first of their errors is thrown, after all of them.
  /// For the thread that uses the messengers.
  std::chrono::nanoseconds look() { return group_.look(); }

 private:
  template <class Target, class M, class... Kept>
  struct Member final : detail::SupervisorMember {
    template <class... A>
    explicit Member(Supervised<Target, M> supervised, A&&... values)
        : worker(std::move(supervised)), arguments(std::forward<A>(values)...) {}
    void start() override {
      std::apply([&](const Kept&... each) { worker.start(each...); }, arguments);
    }
    ExitStatus stop() override { return worker.stop(); }
    bool is_alive() const noexcept override { return worker.is_alive(); }
    detail::Supervision& supervision() noexcept override { return worker.supervision_; }

    Supervised<Target, M> worker;
    std::tuple<Kept...> arguments;
  };

  detail::SupervisorGroup group_;
};

}  // namespace coproc::inline v0
