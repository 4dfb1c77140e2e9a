// Workers and pools in programs that use Asio: operations with any completion token (a function, asio::use_future,
// asio::use_awaitable, ...). For programs that want it: coproc itself needs no Asio, and this header is no part of
// coproc.hpp.
//
// It takes the Asio that stands alone, <asio.hpp>. Define COPROC_USE_BOOST_ASIO before including it to take
// <boost/asio.hpp>. Operations can be cancelled one by one (asio::bind_cancellation_slot, awaitable operators) where
// Asio can do that: from Asio 1.20 and Boost 1.77 on.
#pragma once

#include "coproc/asio_messenger.hpp"
#include "coproc/asio_pool.hpp"
#include "coproc/asio_start.hpp"
