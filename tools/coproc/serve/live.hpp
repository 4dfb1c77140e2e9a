// What the pages that are open are told, twice a second: what has changed.
//
// Thread safety: none. Everything runs in the thread of the io_context.
// Invariants: nothing is looked at while nobody listens.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <list>
#include <memory>

#include "collector.hpp"
#include "server.hpp"

namespace command {

class Live {
 public:
  /// REQUIRES: both outlive the run of the io_context.
  Live(boost::asio::io_context& context, Collector& collector) : timer_(context), collector_(collector) {}

  /// The processes as they are at this moment, or were less than a period ago.
  Collector& fresh();
  /// Answers by events without end: first the whole, then merge patches (RFC 7396).
  void add(const std::shared_ptr<Exchange>& exchange);

 private:
  struct Viewer;

  void schedule(std::chrono::nanoseconds delay);
  void tick();
  void tell(const std::shared_ptr<Viewer>& viewer, const nlohmann::json& now);
  void notice_end(const std::shared_ptr<Viewer>& viewer);
  void remove(const std::shared_ptr<Viewer>& viewer);

  boost::asio::steady_timer timer_;
  Collector& collector_;
  std::list<std::shared_ptr<Viewer>> viewers_;
};

}  // namespace command
