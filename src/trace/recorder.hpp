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
#include <vector>

#include "coproc/trace.hpp"
#include "link/event_writer.hpp"
#include "link/link.hpp"
#include "os/mutex.hpp"
#include "trace/collected.hpp"

namespace coproc::inline v0::trace {

/// A link that the trace reads. `link` is null once it may not be read any more.
struct FollowedLink {
  link::Link* link;
  std::uint32_t number;
  std::uint32_t process;
  std::uint64_t read_of_worker = 0, read_of_host = 0;  // the numbers of the events that were read last
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
  TraceSummary write(const std::string& path) const;
  bool is_own_process() const noexcept;

  // ---- for Followed, with the mutex of the registry held ----

  std::size_t events_wanted() const noexcept { return options_.events; }
  std::shared_ptr<FollowedLink> add(link::Link& host_link, int pid, std::string name);
  void remove(const std::shared_ptr<FollowedLink>& followed) noexcept { std::erase(links_, followed); }
  /// Reads what is new. If there is no memory for it, a later call reads what is left by then.
  void read(FollowedLink& followed) noexcept;
  void note_end(const FollowedLink& followed, std::int64_t time) noexcept;

 private:
  // With the mutex of the registry held.
  void read_spans() noexcept;
  void take(link::NotedEvents noted, std::uint32_t link, std::uint32_t process, bool is_of_host, std::uint64_t& last);
  std::uint32_t number_of(const std::string& name);
  std::uint32_t add_process(int pid, std::string name);

  const TraceOptions options_;
  const unsigned long generation_;  // of forks
  link::EventShape shape_;
  std::unique_ptr<std::byte[]> area_;  // of the spans of this process
  std::unique_ptr<link::EventWriter> spans_;
  std::uint64_t spans_read_ = 0;
  std::vector<std::shared_ptr<FollowedLink>> links_;
  std::uint32_t links_followed_ = 0;
  std::map<std::string, std::uint32_t> names_;
  Collected collected_;
  bool has_ended_ = false;
};

}  // namespace coproc::inline v0::trace
