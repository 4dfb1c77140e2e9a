// Writes metrics in the text formats of Prometheus (0.0.4) and OpenMetrics (1.0).
//
//   # HELP coproc_worker_up Whether the process of the worker is alive.
//   # TYPE coproc_worker_up gauge
//   coproc_worker_up{name="indexer",place="0"} 1
//
// Thread safety: none; one thread.
// Invariants: `text_` consists of whole lines. Each family is there once, with its samples behind it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace coproc::inline v0::metrics {

enum class Kind { counter, gauge };

struct Family {
  const char* name;  // without the `_total` of a counter
  Kind kind;
  const char* help;
};

/// The labels that say of which worker or pool a sample is: `name="indexer",place="0"`. The name is escaped. REQUIRES:
/// it is UTF-8.
std::string labels_of(std::string_view name, std::size_t place);

class Exposition {
 public:
  /// `bytes`: how long the text will be, about.
  explicit Exposition(bool is_open, std::size_t bytes = 0) : is_open_(is_open) { text_.reserve(bytes); }

  /// Begins a family. Its lines are left out if no sample follows.
  void begin(const Family& family) noexcept { family_ = &family, has_begun_ = false; }
  /// Adds a sample with these labels of labels_of(), and one more, such as `reason="signal"`, if `more` is not empty.
  void add(std::string_view labels, std::uint64_t value, std::string_view more = {});
  void add_seconds(std::string_view labels, std::int64_t nanoseconds);
  std::string finish() &&;

 private:
  void begin_family();
  void begin_sample(std::string_view labels, std::string_view more);

  bool is_open_;
  const Family* family_ = nullptr;
  bool has_begun_ = false;
  std::string text_;
};

}  // namespace coproc::inline v0::metrics
