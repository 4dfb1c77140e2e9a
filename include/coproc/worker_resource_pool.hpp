// A group of workers with one target, which are started and ended together.
#pragma once

#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "coproc/channel.hpp"
#include "coproc/detail/range_reader.hpp"
#include "coproc/detail/worker_count.hpp"
#include "coproc/errors.hpp"
#include "coproc/exit_status.hpp"
#include "coproc/message.hpp"
#include "coproc/messenger.hpp"
#include "coproc/options.hpp"
#include "coproc/replies_of_workers.hpp"
#include "coproc/worker_resource.hpp"

namespace coproc::inline v0 {

/// A group of `size` workers with one target. It is a range of WorkerResources, each of which can be used alone.
///
///     coproc::WorkerResourcePool workers(4, &serve);  // void serve(coproc::PriorityMessenger& host, Config config)
///     workers.start(config);
///     for (int answer : workers.map_messages<int>(questions)) ...
///
/// More than 65,536 workers are refused with InvalidArgumentError.
///
/// Programs that call functions use Pool instead. Here the caller starts a worker again after it has ended.
///
/// Thread safety: that of WorkerResource.
template <class Target, class M = detail::target_messenger_t<Target>>
class WorkerResourcePool {
 public:
  using worker_type = WorkerResource<Target, M>;

  explicit WorkerResourcePool(std::size_t size, Target target, WorkerOptions options = {})
    requires(!detail::ClassTarget<Target, M>)
      : options_(std::move(options)) {
    workers_.reserve(detail::checked_worker_count("WorkerResourcePool: size", size));
    for (std::size_t i = 0; i < size; ++i) workers_.emplace_back(target, options_of(i));
  }
  explicit WorkerResourcePool(std::size_t size, std::in_place_t = std::in_place, WorkerOptions options = {})
    requires detail::ClassTarget<Target, M>
      : options_(std::move(options)) {
    workers_.reserve(detail::checked_worker_count("WorkerResourcePool: size", size));
    for (std::size_t i = 0; i < size; ++i) workers_.emplace_back(std::in_place, options_of(i));
  }
  WorkerResourcePool(WorkerResourcePool&&) noexcept = default;
  WorkerResourcePool& operator=(WorkerResourcePool&& other) noexcept {
    if (this == &other) return *this;
    const WorkerResourcePool ended(std::move(*this));
    options_ = std::move(other.options_);
    workers_ = std::move(other.workers_);
    abandoned_ = std::move(other.abandoned_);
    return *this;
  }
  /// Stops all workers together.
  ~WorkerResourcePool() {
    if (workers_.empty()) return;
    try {
      stop();
    } catch (...) {
      // The destructor of each worker stops those that are still alive.
    }
  }

  /// Starts all workers, each with a copy of the arguments. Throws the errors of WorkerResource::start; then it stops
  /// the workers that were started already.
  template <class... A>
  void start(const A&... arguments) {
    std::size_t started = 0;
    try {
      for (; started < workers_.size(); ++started) workers_[started].start(arguments...);
    } catch (...) {
      Worker::stop_all(pointers(started), options_.stop);
      throw;
    }
  }
  /// Stops all workers at once by `Worker::stop_all`. Together they take no longer than one may. The statuses are in
  /// the order of the workers.
  std::vector<ExitStatus> stop() { return stop(options_.stop); }
  std::vector<ExitStatus> stop(const StopOptions& options) {
    return Worker::stop_all(pointers(workers_.size()), options);
  }
  /// Waits until all workers end by themselves.
  std::vector<ExitStatus> join() {
    return apply_to_workers([](worker_type& worker) { return worker.join(); });
  }
  /// Sends SIGTERM to all workers, and does not wait. `kill` sends SIGKILL.
  void terminate() {
    for (worker_type& worker : workers_) worker.terminate();
  }
  void kill() {
    for (worker_type& worker : workers_) worker.kill();
  }
  /// The number of workers that are alive.
  std::size_t alive() const noexcept {
    std::size_t count = 0;
    for (const worker_type& worker : workers_) count += worker.is_alive() ? 1U : 0U;
    return count;
  }

  std::size_t size() const noexcept { return workers_.size(); }
  worker_type& operator[](std::size_t place) { return workers_.at(place); }
  auto begin() noexcept { return workers_.begin(); }
  auto end() noexcept { return workers_.end(); }

  /// Calls `function` with each worker, in this process, and returns the results, if there are any, in the order of the
  /// workers.
  template <class F>
  auto apply_to_workers(F&& function) {
    using Result = std::invoke_result_t<F&, worker_type&>;
    if constexpr (std::is_void_v<Result>) {
      for (worker_type& worker : workers_) std::invoke(function, worker);
    } else {
      std::vector<Result> results;
      results.reserve(workers_.size());
      for (worker_type& worker : workers_) results.push_back(std::invoke(function, worker));
      return results;
    }
  }

  /// Sends each element of an input range as a request to the worker with the fewest open requests, and returns the
  /// replies as they arrive. The range is read only as far ahead as the workers need. It must live as long as the
  /// result, unless it was passed as an rvalue.
  template <class T = Message, class Range>
  RepliesOfWorkers<T> map_messages(Range&& values, MapMessagesOptions options = {}) {
    return start_map<T>(std::forward<Range>(values), std::move(options), false);
  }
  /// The same, but the replies are in the order of the input.
  template <class T = Message, class Range>
  RepliesOfWorkers<T> map_messages_ordered(Range&& values, MapMessagesOptions options = {}) {
    return start_map<T>(std::forward<Range>(values), std::move(options), true);
  }

 private:
  WorkerOptions options_of(std::size_t number) const {
    WorkerOptions options = options_;
    if (options.name.empty()) options.name = "worker";
    options.name += ' ' + std::to_string(number);
    options.number = number;
    return options;
  }

  std::vector<Worker*> pointers(std::size_t count) {
    std::vector<Worker*> all;
    for (std::size_t i = 0; i < count; ++i) all.push_back(&workers_[i]);
    return all;
  }

  template <class T, class Range>
  RepliesOfWorkers<T> start_map(Range&& values, MapMessagesOptions options, bool is_ordered) {
    const auto input = std::make_shared<detail::RangeReader<Range>>(std::forward<Range>(values));
    auto send_next = [input, is_kept = false](Messenger& to, const ChannelId& channel,
                                              const SendOptions& sending) mutable -> std::optional<RequestId> {
      if (!std::exchange(is_kept, false) && !input->next()) return std::nullopt;
      try {
        return to.send_request(**input, channel, sending);
      } catch (const TimeoutError&) {
        is_kept = true;
        throw;
      } catch (const InterruptedError&) {
        is_kept = true;
        throw;
      }
    };
    std::vector<Messenger*> messengers;
    for (worker_type& worker : workers_) messengers.push_back(&worker.messenger());
    return RepliesOfWorkers<T>(
        detail::RepliesReader(std::move(messengers), abandoned_, std::move(send_next), std::move(options), is_ordered));
  }

  WorkerOptions options_;
  std::vector<worker_type> workers_;
  std::shared_ptr<detail::AbandonedReplies> abandoned_ = detail::RepliesReader::make_abandoned();
};

template <class F>
WorkerResourcePool(std::size_t, F) -> WorkerResourcePool<F>;
template <class F>
WorkerResourcePool(std::size_t, F, WorkerOptions) -> WorkerResourcePool<F>;

}  // namespace coproc::inline v0
