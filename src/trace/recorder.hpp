// The one trace of this process: which links it reads, and what it has read.
//
// Thread safety: any thread.
// Invariants: a link is read only between follow() and the end of its Followed, in which it exists.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "coproc/trace.hpp"
#include "link/event_writer.hpp"
#include "link/link.hpp"
#include "os/mutex.hpp"
#include "trace/collected.hpp"

namespace coproc::inline v0::trace {

/// What is read of one who notes.
struct Source {
  std::uint32_t link = 0;     // as in CollectedEvent
  std::uint32_t process = 0;  // likewise
  bool is_of_host = true;
  std::uint64_t read = 0;           // the number of the event that was read last
  std::uint32_t names_brought = 0;  // that nobody had used before
};

/// A link that the trace reads. `link` is null once it may not be read any more.
struct FollowedLink {
  link::Link* link = nullptr;
  std::uint64_t recorder = 0;  // the serial of the one whose numbers these are; 0: not followed yet
  Source worker, host;
  std::size_t kept = 0;  // events of both
};

class Recorder {
 public:
  /// Makes it the one of this process. Throws InvalidArgumentError if there is one.
  explicit Recorder(const TraceOptions& options);
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  ~Recorder();

  void collect();
  /// Reads what there is, and reads nothing from now on.
  void end();
  /// REQUIRES: end() was called.
  TraceSummary write(const std::string& path);
  bool is_own_process() const noexcept;

  // ---- for Followed, with the mutex of the registry held ----

  /// No other recorder of this process and of those that it was forked from has, or had, the same one.
  std::uint64_t serial() const noexcept { return serial_; }
  std::size_t events_wanted() const noexcept { return options_.events; }
  /// If it throws, nothing has changed.
  void add(const std::shared_ptr<FollowedLink>& followed, link::Link& host_link, int pid, std::string name);
  void remove(const std::shared_ptr<FollowedLink>& followed) noexcept { std::erase(links_, followed); }
  /// Reads what is new. If there is no memory for it, a later call reads what is left by then.
  void read(FollowedLink& followed, link::Look look) noexcept;
  void note_end(const FollowedLink& followed, std::int64_t time) noexcept;

 private:
  // With the mutex of the registry held.
  void read_all(link::Look look) noexcept;
  void read_spans(link::Look look) noexcept;
  /// `followed`: whose source this is; null: the program itself.
  void take(const link::NotedEvents& noted, Source& source, FollowedLink* followed) noexcept;
  bool has_room_for(const FollowedLink* followed) const noexcept;
  std::uint32_t number_of(const std::string& name, Source& source);
  std::uint32_t add_name(const std::string& name);

  const std::uint64_t serial_;
  const TraceOptions options_;
  const unsigned long generation_;  // of forks
  link::EventShape shape_;
  std::unique_ptr<std::byte[]> area_;  // of the spans of this process
  std::unique_ptr<link::EventWriter> spans_;
  Source program_;
  std::vector<std::shared_ptr<FollowedLink>> links_;
  std::uint32_t links_followed_ = 0;
  std::map<std::string_view, std::uint32_t> names_;  // their numbers; the texts are those in collected_
  Collected collected_;
  bool has_ended_ = false;
};

}  // namespace coproc::inline v0::trace
