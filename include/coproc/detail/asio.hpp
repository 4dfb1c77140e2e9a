// What the operations of coproc/asio*.hpp have in common: the Asio that they take, and how a handler is called.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

// Behind the standard headers: that of Boost 1.74 lacks some.
#if defined(COPROC_USE_BOOST_ASIO)
#include <boost/asio.hpp>
#define COPROC_ASIO_CAN_CANCEL (BOOST_ASIO_VERSION >= 102000)
#else
#include <asio.hpp>
#define COPROC_ASIO_CAN_CANCEL (ASIO_VERSION >= 102000)
#endif

#include "coproc/detail/duplicate_fd.hpp"
#include "coproc/detail/message_access.hpp"
#include "coproc/message.hpp"

namespace coproc::inline v0::detail {

#if defined(COPROC_USE_BOOST_ASIO)
namespace net = ::boost::asio;
using NetError = ::boost::system::error_code;
#else
namespace net = ::asio;
using NetError = ::std::error_code;
#endif

/// What a handler is called with: what went wrong or null, and the result.
template <class R>
struct AsioSignature {
  using type = void(std::exception_ptr, R);
};
template <>
struct AsioSignature<void> {
  using type = void(std::exception_ptr);
};
template <class R>
using asio_signature_t = typename AsioSignature<R>::type;

/// The result that goes with an error.
template <class R>
R no_result() {
  if constexpr (std::is_same_v<R, Message>) {
    return MessageAccess::make();
  } else {
    static_assert(
        std::is_default_constructible_v<R>,
        "coproc: a handler is called with a result also if there is an error, so that its type needs a default "
        "constructor: receive a coproc::Message, and call get()");
    return R();
  }
}

/// A handler that is called once, on its associated executor, and never before the call that was given it has returned.
/// Until then both executors have work: its own, and that of the object of the operation.
template <class Handler>
class AsioCompletion {
 public:
  AsioCompletion(Handler handler, const net::any_io_executor& executor)
      : handler_(std::move(handler)), object_work_(executor), work_(net::get_associated_executor(handler_, executor)) {}

  /// Calls `cancel` if the handler's operation is cancelled before it is done.
  template <class Cancel>
  void on_cancel([[maybe_unused]] Cancel cancel) {
#if COPROC_ASIO_CAN_CANCEL
    auto slot = net::get_associated_cancellation_slot(handler_);
    if (!slot.is_connected()) return;
    slot.assign([cancel = std::move(cancel)](net::cancellation_type type) {
      if (type != net::cancellation_type::none) cancel();
    });
#endif
  }

  template <class... Results>
  void call(std::exception_ptr error, Results... results) {
#if COPROC_ASIO_CAN_CANCEL
    auto slot = net::get_associated_cancellation_slot(handler_);
    if (slot.is_connected()) slot.clear();
#endif
    auto invoke = [handler = std::move(handler_), error = std::move(error),
                   kept = std::tuple<Results...>(std::move(results)...)]() mutable {
      std::apply([&](Results&... each) { std::move(handler)(std::move(error), std::move(each)...); }, kept);
    };
    const auto object_executor = object_work_.get_executor();
    net::post(object_executor, [invoke = std::move(invoke), work = std::move(work_)]() mutable {
      const auto executor = work.get_executor();
      net::dispatch(executor, std::move(invoke));
    });
    object_work_.reset();
  }

 private:
  Handler handler_;
  net::executor_work_guard<net::any_io_executor> object_work_;
  net::executor_work_guard<net::associated_executor_t<Handler, net::any_io_executor>> work_;
};

/// A descriptor that Asio waits for. It is a duplicate, which leaves the original to its owner.
class AsioReadable {
 public:
  explicit AsioReadable(const net::any_io_executor& executor) : descriptor_(executor) {}

  bool is_open() const { return descriptor_.is_open(); }
  void open(int fd) { descriptor_.assign(duplicate_fd(fd)); }
  template <class F>
  void wait(F function) {
    descriptor_.async_wait(net::posix::stream_descriptor::wait_read, std::move(function));
  }
  /// Calls the function that waits, with an error.
  void stop_waiting() {
    NetError ignored;
    descriptor_.cancel(ignored);
  }
  void close() {
    NetError ignored;
    descriptor_.close(ignored);
  }

 private:
  net::posix::stream_descriptor descriptor_;
};

/// Calls `call` with the last of some arguments, which is the completion token, and then with the others.
template <class Call, class... A>
decltype(auto) with_token_first(Call call, A&&... arguments_and_token) {
  auto all = std::forward_as_tuple(std::forward<A>(arguments_and_token)...);
  return [&]<std::size_t... I>(std::index_sequence<I...>) -> decltype(auto) {
    return call(std::get<sizeof...(I)>(std::move(all)), std::get<I>(std::move(all))...);
  }(std::make_index_sequence<sizeof...(A) - 1>());
}

}  // namespace coproc::inline v0::detail
