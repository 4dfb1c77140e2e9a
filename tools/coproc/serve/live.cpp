#include "live.hpp"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/write.hpp>
#include <cmath>
#include <sstream>
#include <string>
#include <utility>

#include "changes.hpp"
#include "described.hpp"

namespace command {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using nlohmann::json;
using namespace std::chrono_literals;

constexpr auto kPeriod = 500ms;
/// Rates since a look that is older would tell nothing of now.
constexpr auto kTooOld = 5s;

/// That this thread has used.
std::chrono::nanoseconds processor_time() {
  timespec time{};
  (void)::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

json rounded(const json& number, double steps) {
  return number.is_number() ? json(std::round(number.get<double>() * steps) / steps) : json();
}

json live_direction(const json& direction) {
  return {{"unread_bytes", direction["unread_bytes"]},
          {"unread_messages", direction["unread_messages"]},
          {"bytes_per_second", rounded(direction["bytes_per_second"], 1)},
          {"messages_per_second", rounded(direction["messages_per_second"], 10)}};
}

/// The same by pids and ids, and without what would change all the time and is not shown.
json live_json(Collector& collector) {
  const json whole = collector.json();
  json processes = json::object(), links = json::object();
  const double now = whole["time"];
  for (json process : whole["processes"]) {
    process.erase("processor_seconds");
    process["processors"] = rounded(process["processors"], 100);
    if (const json seconds = process["state_seconds"]; seconds.is_number())
      process["state_since"] = std::round(now - seconds.get<double>());
    process.erase("state_seconds");
    const std::string pid = text_of(process["pid"], -1);
    processes[pid] = std::move(process);
  }
  for (json link : whole["links"]) {
    if (link.contains("directions")) {
      link["there"] = live_direction(link["directions"][0]);
      link["back"] = live_direction(link["directions"][1]);
      link.erase("directions");
    }
    const std::string id = link["id"];
    links[id] = std::move(link);
  }
  return {{"time", now},
          {"is_root", collector.sees_all() && ::geteuid() == 0},
          {"hidden", collector.sees_all() ? hidden_text(collector.seen()) : ""},
          {"processes", std::move(processes)},
          {"links", std::move(links)}};
}

std::string head() {
  std::ostringstream text;
  text << http::response(http::status::ok, "text/event-stream", "").base();
  return text.str();
}

}  // namespace

/// Somebody who listens.
struct Live::Viewer {
  std::shared_ptr<Exchange> exchange;
  json told;  // what it knows, when all that was sent has arrived
  std::string text;
  bool is_writing = false;
  std::array<char, 64> dropped{};
};

Collector& Live::fresh() {
  const auto age = Collector::Time::clock::now() - collector_.time();
  if (age > kTooOld) collector_.forget();
  if (age > kPeriod / 2) collector_.look();
  return collector_;
}

void Live::add(const std::shared_ptr<Exchange>& exchange) {
  const auto viewer = std::make_shared<Viewer>();
  viewer->exchange = exchange;
  viewer->text = head() + "retry: 1000\n\n";
  viewers_.push_back(viewer);
  notice_end(viewer);
  tell(viewer, live_json(fresh()));
  if (viewers_.size() == 1) schedule(kPeriod);
}

void Live::schedule(std::chrono::nanoseconds delay) {
  timer_.expires_after(delay);
  timer_.async_wait([this](error_code error) {
    if (!error && !viewers_.empty()) tick();
  });
}

void Live::tick() {
  const auto begin = processor_time();
  collector_.look();
  const json now = live_json(collector_);
  const auto all = viewers_;  // those that fail leave the list
  for (const auto& viewer : all) tell(viewer, now);
  // Looking at very many processes takes no more than a tenth of a processor.
  schedule(std::max<std::chrono::nanoseconds>(kPeriod, 10 * (processor_time() - begin)));
}

void Live::tell(const std::shared_ptr<Viewer>& viewer, const json& now) {
  if (viewer->is_writing) return;  // it will be told later what it misses
  const bool is_first = viewer->told.is_null();
  const json news = is_first ? now : changes(viewer->told, now);
  viewer->told = now;
  viewer->text += (is_first ? "event: whole\ndata: " : "data: ") + text_of(news, -1) + "\n\n";
  viewer->is_writing = true;
  viewer->exchange->stream().expires_after(Exchange::kTime);
  asio::async_write(viewer->exchange->stream(), asio::buffer(viewer->text),
                    [this, viewer](error_code error, std::size_t) {
                      viewer->is_writing = false;
                      viewer->text.clear();
                      if (error) remove(viewer);
                    });
}

void Live::notice_end(const std::shared_ptr<Viewer>& viewer) {
  viewer->exchange->stream().expires_never();
  viewer->exchange->stream().async_read_some(asio::buffer(viewer->dropped),
                                             [this, viewer](error_code error, std::size_t) {
                                               if (error) return remove(viewer);
                                               notice_end(viewer);
                                             });
}

void Live::remove(const std::shared_ptr<Viewer>& viewer) {
  viewer->exchange->stream().close();
  viewers_.remove(viewer);
}

}  // namespace command
