#include "trace/chrome_json.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace coproc::inline v0::trace {

namespace {

using link::EventKind;

/// How long a message is drawn, if nothing else happens meanwhile: an arrow needs something to begin and to end at.
constexpr std::int64_t kMessageNs = 1000;

/// The text has no control characters: see read_events().
std::string quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

/// In microseconds, with all digits.
std::string micros(std::int64_t ns) {
  char text[32];
  std::snprintf(text, sizeof text, "%lld.%03lld", static_cast<long long>(ns / 1000), static_cast<long long>(ns % 1000));
  return text;
}

struct Line {
  std::int64_t time;
  std::int64_t duration;  // what is longer is drawn around what is shorter
  std::string json;
};

std::string_view words_of(EventKind kind) {
  switch (kind) {
    case EventKind::received_message:
    case EventKind::received_request:
      return "receive";
    case EventKind::received_reply:
      return "receive reply";
    case EventKind::sent_message:
      return "send";
    case EventKind::sent_request:
      return "send request";
    case EventKind::sent_reply:
      return "send reply";
    case EventKind::began_wait:
    case EventKind::ended_wait:
      return "wait";
    case EventKind::none:
    case EventKind::began_span:
    case EventKind::ended_span:
    case EventKind::mark:
      break;
  }
  return "";
}

/// The steps of a request, in the order of their times: sent, received, answered, answer received.
struct Request {
  std::array<const CollectedEvent*, 4> steps{};
};

class Drawing {
 public:
  explicit Drawing(Collected& collected) : all_(collected) {}

  Drawn draw() {
    std::ranges::stable_sort(all_.events, {}, &CollectedEvent::time);
    draw_tracks();
    draw_arrows();
    std::ranges::stable_sort(lines_, [](const Line& a, const Line& b) {
      return std::tuple(a.time, -a.duration) < std::tuple(b.time, -b.duration);
    });
    std::string json = "{\"displayTimeUnit\":\"ns\",\n\"otherData\":{" + totals() + "},\n\"traceEvents\":[\n";
    json += heads();
    for (const Line& line : lines_) json += ",\n" + line.json;
    json += "\n]}\n";
    return {std::move(json), arrows_};
  }

 private:
  using Track = std::pair<std::uint32_t, std::uint32_t>;  // process, thread

  std::string totals() const {
    std::uint64_t overwritten = 0;
    for (const CollectedProcess& process : all_.processes) overwritten += process.overwritten;
    return "\"clock\":\"CLOCK_MONOTONIC\",\"events\":" + std::to_string(all_.events.size()) +
           ",\"overwritten_events\":" + std::to_string(overwritten) +
           ",\"left_out_events\":" + std::to_string(all_.left_out) + ",\"arrows\":" + std::to_string(arrows_);
  }

  /// The names of the processes, and what is missing of them.
  std::string heads() const {
    std::string json;
    const auto add = [&](const CollectedProcess& process, const char* what, const std::string& argument) {
      if (!json.empty()) json += ",\n";
      json += std::string(R"({"ph":"M","name":")") + what + R"(","pid":)" + std::to_string(process.pid) +
              R"(,"tid":0,"args":{)" + argument + "}}";
    };
    for (std::size_t i = 0; i < all_.processes.size(); ++i) {
      const CollectedProcess& process = all_.processes[i];
      add(process, "process_name", "\"name\":" + quoted(process.name));
      add(process, "process_sort_index", "\"sort_index\":" + std::to_string(i));
      if (process.overwritten != 0) {
        add(process, "process_labels", "\"labels\":\"" + std::to_string(process.overwritten) + " events overwritten\"");
      }
    }
    return json;
  }

  std::string beginning(const char* phase, std::string_view name, const CollectedEvent& event,
                        std::int64_t time) const {
    return std::string(R"({"ph":")") + phase + R"(","name":)" + quoted(name) + R"(,"cat":"coproc","pid":)" +
           std::to_string(all_.processes[event.process].pid) + ",\"tid\":" + std::to_string(event.thread) +
           ",\"ts\":" + micros(time);
  }

  void add_slice(std::string_view name, const CollectedEvent& event, std::int64_t duration, const std::string& more) {
    lines_.push_back({event.time, duration,
                      beginning("X", name, event, event.time) + ",\"dur\":" + micros(duration) +
                          (more.empty() ? "" : ",\"args\":{" + more + '}') + '}'});
  }

  const std::string& name_of(const CollectedEvent& event) const { return all_.names[event.name]; }

  void draw_tracks() {
    std::map<Track, std::vector<const CollectedEvent*>> tracks;
    for (const CollectedEvent& event : all_.events) tracks[{event.process, event.thread}].push_back(&event);
    for (const auto& [track, events] : tracks) {
      std::map<std::uint64_t, const CollectedEvent*> spans;  // that have begun, by their ids
      const CollectedEvent* wait = nullptr;  // that has begun. A thread that waits for several links waits once
      for (std::size_t i = 0; i < events.size(); ++i) {
        const CollectedEvent& event = *events[i];
        switch (event.kind) {
          case EventKind::began_span:
            spans.emplace(event.id, &event);
            break;
          case EventKind::ended_span:
            if (const auto begun = spans.extract(event.id)) end(*begun.mapped(), event.time, "");
            break;
          case EventKind::began_wait:
            if (wait == nullptr || wait->link == event.link) wait = &event;
            break;
          case EventKind::ended_wait:
            if (wait == nullptr || wait->link != event.link) break;
            end(*wait, event.time, "");
            wait = nullptr;
            break;
          case EventKind::mark:
            lines_.push_back({event.time, 0, beginning("i", name_of(event), event, event.time) + R"(,"s":"t"})"});
            break;
          default:
            draw_message(event, i + 1 < events.size() ? events[i + 1]->time - event.time : kMessageNs);
        }
      }
      const CollectedProcess& process = all_.processes[track.first];
      const std::int64_t last = std::max(process.end != 0 ? process.end : all_.end, events.back()->time);
      for (const auto& [id, begun] : spans) end(*begun, last, "\"unfinished\":true");
      if (wait != nullptr) end(*wait, last, "\"unfinished\":true");
    }
  }

  void end(const CollectedEvent& begun, std::int64_t time, const std::string& more) {
    add_slice(begun.kind == EventKind::began_wait ? "wait" : name_of(begun), begun, time - begun.time, more);
  }

  void draw_message(const CollectedEvent& event, std::int64_t until_next) {
    const std::string& type = name_of(event);
    std::string name(words_of(event.kind));
    if (!type.empty()) name += ' ' + type;
    add_slice(name, event, std::min(until_next, kMessageNs),
              event.id == 0 ? "" : "\"request\":" + std::to_string(event.id));
    note_step(event);
  }

  /// Each side numbers its own requests, so that those of both can have the same numbers.
  void note_step(const CollectedEvent& event) {
    if (event.id == 0) return;
    std::size_t step = 0;
    switch (event.kind) {
      case EventKind::sent_request:
        break;
      case EventKind::received_request:
        step = 1;
        break;
      case EventKind::sent_reply:
        step = 2;
        break;
      case EventKind::received_reply:
        step = 3;
        break;
      default:
        return;
    }
    const bool is_own = step == 0 || step == 3;
    const bool host_has_asked = event.is_of_host == is_own;
    const CollectedEvent*& known = requests_[{event.link, host_has_asked, event.id}].steps[step];
    if (known == nullptr) known = &event;
  }

  void draw_arrows() {
    for (const auto& [key, request] : requests_) {
      const CollectedEvent* last = nullptr;
      for (const CollectedEvent* step : request.steps) last = step != nullptr ? step : last;
      // Times of another process may be wrong. Arrows go forward all the same.
      std::vector<const CollectedEvent*> steps;
      for (const CollectedEvent* step : request.steps) {
        if (step == nullptr || step->time > last->time) continue;
        if (steps.empty() || steps.back()->time <= step->time) steps.push_back(step);
      }
      if (steps.size() < 2) continue;
      ++arrows_;
      for (std::size_t i = 0; i < steps.size(); ++i) {
        const bool is_last = i + 1 == steps.size();
        lines_.push_back({steps[i]->time, -1,
                          beginning(i == 0    ? "s"
                                    : is_last ? "f"
                                              : "t",
                                    "request", *steps[i], steps[i]->time) +
                              ",\"id\":" + std::to_string(arrows_) + (is_last ? R"(,"bp":"e"})" : "}")});
      }
    }
  }

  Collected& all_;
  std::vector<Line> lines_;
  std::map<std::tuple<std::uint32_t, bool, std::uint64_t>, Request> requests_;  // link, whether the host asks, id
  std::uint64_t arrows_ = 0;
};

}  // namespace

Drawn draw(Collected collected) { return Drawing(collected).draw(); }

}  // namespace coproc::inline v0::trace
