// Where a pool's worker puts the results of small tasks: memory that it shares with its host.
//
// A message for each would take longer than the task. Here a result is safe as soon as it is put, whatever becomes of
// the worker; the host hears of many together, and takes them then.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace coproc_python {

namespace py = pybind11;

/// Thread safety: the interpreter's lock.
class Outbox {
 public:
  /// One of the two ends; the host's makes it new. Throws coproc::InvalidArgumentError where the memory is too small.
  Outbox(const py::buffer& memory, bool is_new);

  // ---- of the worker's ----

  /// A message of the host's has come, and is unpickled now.
  void begin_load() noexcept;
  /// False: the host wants this task's result no more (`skip_before`).
  bool begin_task() noexcept;
  void add_busy(std::uint64_t nanoseconds) noexcept;
  enum class Put {
    no,  // it is not plain (plain.hpp), or there is no room
    yes,
    due,  // and results that nobody has heard of have waited for a while
  };
  Put put(py::handle result);
  /// How many results were put since the last call.
  std::size_t take_unsaid() noexcept;

  // ---- of the host's ----

  std::uint64_t begun() const noexcept;
  std::uint64_t loads() const noexcept;
  /// Of all the worker's tasks those before this one need not be run, where they have not begun.
  void skip_before(std::uint64_t count) noexcept;
  std::uint64_t busy_nanoseconds() const noexcept;
  /// Where the results end that were put by now.
  std::uint64_t end() const noexcept;
  bool has_results() const noexcept { return end() != position_; }
  /// The next `count` results. One that cannot be made here is what `failed` makes of the exception. Throws
  /// coproc::ProtocolError.
  py::list take(std::size_t count, const py::function& failed);
  /// All that were put before `end`.
  py::list take_until(std::uint64_t end, const py::function& failed);

 private:
  struct Header;
  Header& header() const noexcept { return *static_cast<Header*>(memory_.ptr); }
  std::byte* bytes() const noexcept;
  std::size_t capacity() const noexcept;
  void copy_in(std::uint64_t position, const void* from, std::size_t size) noexcept;
  std::string copy_out(std::uint64_t first, std::uint64_t end) const;
  py::list take_of(std::uint64_t end, std::optional<std::size_t> count, const py::function& failed);

  py::buffer_info memory_;
  std::uint64_t position_ = 0;  // of this end: bytes put, or taken
  std::size_t unsaid_ = 0;
  std::chrono::steady_clock::time_point first_unsaid_;
  std::string encoded_;
};

void bind_outbox(py::module_& module);

}  // namespace coproc_python
