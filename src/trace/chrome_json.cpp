#include "trace/chrome_json.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace coproc::inline v0::trace {

namespace {

using link::EventKind;

/// How long a message is drawn, if nothing else happens meanwhile: an arrow needs something to begin and to end at.
constexpr std::int64_t kMessageNs = 1000;

constexpr std::size_t kPieceBytes = 65536;

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

/// A line of the file, whose text is made when it is its turn: there may be millions.
struct Line {
  enum class Is : std::uint8_t { slice, unfinished, arrows_begin, arrow, arrows_end, point };

  std::int64_t time;
  std::int64_t duration;        // what is longer is drawn around what is shorter
  const CollectedEvent* event;  // whose time it is
  std::uint64_t arrow;          // the number of the request
  Is is;
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
  Drawing(Collected& collected, const std::function<void(std::string_view)>& write) : all_(collected), write_(write) {}

  std::uint64_t draw() {
    std::ranges::stable_sort(all_.events, {}, &CollectedEvent::time);
    note_last_times();
    draw_spans();
    draw_tracks();
    draw_arrows();
    requests_.clear();
    std::ranges::stable_sort(lines_, [](const Line& a, const Line& b) {
      return std::tuple(a.time, -a.duration) < std::tuple(b.time, -b.duration);
    });
    std::string json = "{\"displayTimeUnit\":\"ns\",\n\"otherData\":{" + totals() + "},\n\"traceEvents\":[\n";
    json += heads();
    for (const Line& line : lines_) {
      json += ",\n" + text_of(line);
      if (json.size() < kPieceBytes) continue;
      write_(json);
      json.clear();
    }
    write_(json + "\n]}\n");
    return arrows_;
  }

 private:
  using Track = std::pair<std::uint32_t, std::uint32_t>;  // process, thread

  std::string totals() const {
    return "\"clock\":\"CLOCK_MONOTONIC\",\"events\":" + std::to_string(all_.events.size()) +
           ",\"overwritten_events\":" + std::to_string(all_.overwritten()) +
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

  std::string beginning(const char* phase, std::string_view name, const CollectedEvent& event) const {
    return std::string(R"({"ph":")") + phase + R"(","name":)" + quoted(name) + R"(,"cat":"coproc","pid":)" +
           std::to_string(all_.processes[event.process].pid) + ",\"tid\":" + std::to_string(event.thread) +
           ",\"ts\":" + micros(event.time);
  }

  std::string text_of(const Line& line) const {
    const CollectedEvent& event = *line.event;
    const auto arrow = [&](const char* phase, const char* end) {
      return beginning(phase, "request", event) + ",\"id\":" + std::to_string(line.arrow) + end;
    };
    switch (line.is) {
      case Line::Is::point:
        return beginning("i", name_of(event), event) + R"(,"s":"t"})";
      case Line::Is::arrows_begin:
        return arrow("s", "}");
      case Line::Is::arrow:
        return arrow("t", "}");
      case Line::Is::arrows_end:
        return arrow("f", R"(,"bp":"e"})");
      case Line::Is::slice:
      case Line::Is::unfinished:
        break;
    }
    std::string text = beginning("X", title_of(event), event) + ",\"dur\":" + micros(line.duration);
    if (line.is == Line::Is::unfinished) return text + R"(,"args":{"unfinished":true}})";
    if (is_of_span(event) || event.id == 0) return text + '}';
    return text + R"(,"args":{"request":)" + std::to_string(event.id) + "}}";
  }

  static bool is_of_span(const CollectedEvent& event) noexcept { return event.kind == EventKind::began_span; }
  const std::string& name_of(const CollectedEvent& event) const { return all_.names[event.name]; }

  std::string title_of(const CollectedEvent& event) const {
    std::string title(words_of(event.kind));
    const std::string& name = name_of(event);
    if (!title.empty() && !name.empty()) title += ' ';
    return title + name;
  }

  void add_slice(const CollectedEvent& event, std::int64_t until, Line::Is is) {
    lines_.push_back({event.time, until - event.time, &event, 0, is});
  }

  /// Until when a process was seen.
  void note_last_times() {
    for (const CollectedProcess& process : all_.processes)
      last_times_.push_back(process.end != 0 ? process.end : all_.end);
    for (const CollectedEvent& event : all_.events) {
      std::int64_t& last = last_times_[event.process];
      last = std::max(last, event.time);
    }
  }

  /// A span may end in another thread than that of its begin, in whose row it is drawn. What a worker writes as its
  /// host's does not end those of the host, which belong to no link.
  void draw_spans() {
    std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint64_t>, const CollectedEvent*> spans;  // that have begun
    for (const CollectedEvent& event : all_.events) {
      const std::tuple key(event.process, event.link, event.id);
      if (event.kind == EventKind::began_span) {
        spans.emplace(key, &event);
      } else if (event.kind == EventKind::ended_span) {
        if (const auto begun = spans.extract(key)) add_slice(*begun.mapped(), event.time, Line::Is::slice);
      }
    }
    for (const auto& [key, begun] : spans) add_slice(*begun, last_times_[begun->process], Line::Is::unfinished);
  }

  void draw_tracks() {
    std::map<Track, std::vector<const CollectedEvent*>> tracks;
    for (const CollectedEvent& event : all_.events) tracks[{event.process, event.thread}].push_back(&event);
    for (const auto& [track, events] : tracks) {
      const CollectedEvent* wait = nullptr;  // that has begun. A thread that waits for several links waits once
      for (std::size_t i = 0; i < events.size(); ++i) {
        const CollectedEvent& event = *events[i];
        switch (event.kind) {
          case EventKind::began_span:
          case EventKind::ended_span:
            break;
          case EventKind::began_wait:
            if (wait == nullptr || wait->link == event.link) wait = &event;
            break;
          case EventKind::ended_wait:
            if (wait == nullptr || wait->link != event.link) break;
            add_slice(*wait, event.time, Line::Is::slice);
            wait = nullptr;
            break;
          case EventKind::mark:
            lines_.push_back({event.time, 0, &event, 0, Line::Is::point});
            break;
          default: {
            const std::int64_t until_next = i + 1 < events.size() ? events[i + 1]->time - event.time : kMessageNs;
            add_slice(event, event.time + std::min(until_next, kMessageNs), Line::Is::slice);
            note_step(event);
          }
        }
      }
      if (wait != nullptr) add_slice(*wait, last_times_[track.first], Line::Is::unfinished);
    }
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
      for (const CollectedEvent* step : steps) {
        const Line::Is is = step == steps.front()  ? Line::Is::arrows_begin
                            : step == steps.back() ? Line::Is::arrows_end
                                                   : Line::Is::arrow;
        lines_.push_back({step->time, -1, step, arrows_, is});
      }
    }
  }

  Collected& all_;
  const std::function<void(std::string_view)>& write_;
  std::vector<std::int64_t> last_times_;  // by the processes
  std::vector<Line> lines_;
  std::map<std::tuple<std::uint32_t, bool, std::uint64_t>, Request> requests_;  // link, whether the host asks, id
  std::uint64_t arrows_ = 0;
};

}  // namespace

std::uint64_t draw(Collected& collected, const std::function<void(std::string_view)>& write) {
  return Drawing(collected, write).draw();
}

}  // namespace coproc::inline v0::trace
