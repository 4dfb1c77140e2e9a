// The start of a worker as an operation of Asio: a part of asio.hpp, which says what it takes.
#pragma once

#include <chrono>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

#include "coproc/detail/asio.hpp"
#include "coproc/starting.hpp"
#include "coproc/worker_resource.hpp"

namespace coproc::inline v0 {

namespace detail {

/// A start of a worker that Asio's loop drives.
template <class Handler>
struct AsioStart : std::enable_shared_from_this<AsioStart<Handler>> {
  AsioStart(Handler handler, const net::any_io_executor& executor, Worker& its_worker)
      : worker(its_worker), readable(executor), completion(std::move(handler), executor) {}

  void begin(const Starting& starting) {
    starting.then([self = this->shared_from_this()](std::exception_ptr error) { self->finish(std::move(error)); });
    if (is_over) return;
    completion.on_cancel([weak = this->weak_from_this()] {
      if (const auto self = weak.lock(); self != nullptr && !self->is_over) self->worker.cancel_start();
    });
    try {
      readable.open(worker.start_handle());
    } catch (...) {
      finish(std::current_exception());
      return worker.cancel_start();
    }
    wait();
  }
  void wait() {
    readable.wait([self = this->shared_from_this()](NetError error) {
      if (error || self->is_over) return;
      (void)self->worker.await_start(std::chrono::seconds(0));  // calls finish() at the end
      if (!self->is_over) self->wait();
    });
  }
  void finish(std::exception_ptr error) {
    if (std::exchange(is_over, true)) return;
    readable.close();
    completion.call(std::move(error));
  }

  Worker& worker;  // lives as long as `is_over` is false
  AsioReadable readable;
  AsioCompletion<Handler> completion;
  bool is_over = false;
};

}  // namespace detail

/// Asks for a start, as `start_async` with these arguments does, at once; the last argument is the completion token:
/// `handler(std::exception_ptr)`, which is called when the worker runs, or gets what went wrong. A start that is
/// cancelled, or whose worker is destroyed, fails with CancelledError.
///
///     co_await coproc::async_start(io.get_executor(), worker, path, config, asio::use_awaitable);
///
/// Thread safety: that of the worker, whose thread the executor's has to be.
template <class Target, class M, class... A>
auto async_start(detail::net::any_io_executor executor, WorkerResource<Target, M>& worker, A&&... arguments_and_token) {
  return detail::with_token_first(
      [&]<class Token, class... Each>(Token&& token, Each&&... each) {
        std::exception_ptr refusal;
        try {
          (void)worker.start_async(std::forward<Each>(each)...);
        } catch (...) {
          refusal = std::current_exception();
        }
        return detail::net::async_initiate<Token, void(std::exception_ptr)>(
            [executor, &worker, refusal]<class Handler>(Handler&& handler) {
              using Operation = detail::AsioStart<std::decay_t<Handler>>;
              const auto operation = std::make_shared<Operation>(std::forward<Handler>(handler), executor, worker);
              if (refusal != nullptr) return operation->finish(refusal);
              operation->begin(Starting(worker));
            },
            token);
      },
      std::forward<A>(arguments_and_token)...);
}

}  // namespace coproc::inline v0
