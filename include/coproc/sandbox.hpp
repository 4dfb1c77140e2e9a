// A box for workers that are not trusted: what their process may ask of the system (docs/sandbox.md).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coproc/export.hpp"

namespace coproc::inline v0 {

namespace detail {

enum class SandboxKind : std::uint8_t { guard, compute, files, client };

/// The contents of a Sandbox. It travels in the start request.
struct SandboxParts {
  SandboxKind kind = SandboxKind::compute;
  std::vector<std::string> readable = {};
  std::vector<std::string> writable = {};
  std::vector<std::string> executable = {};
  std::vector<std::uint16_t> ports = {};
  std::vector<std::string> calls = {};  // that are allowed besides
  bool has_system = false;
  bool is_strict = false;
  bool is_best_effort = false;

  bool operator==(const SandboxParts&) const = default;
};

}  // namespace detail

/// What a worker may still do (`WorkerOptions::sandbox`, `this_worker::confine`). Begin with one of the four presets,
/// and change it by the other functions, each of which returns a changed copy. Whatever the box, messages, loans,
/// errors, crash reports, stop() and the end with the host work as ever.
///
///     coproc::WorkerResource decoder{&decode, {.sandbox = coproc::Sandbox::compute()}};
///     coproc::WorkerResource indexer{&index, {.sandbox = coproc::Sandbox::files().read("/usr/share/dict")}};
class COPROC_API Sandbox {
 public:
  /// The host is out of reach: its signals, memory, limits and priorities. Files, network and programs are those of the
  /// user, as ever. Requires Linux 6.12.
  static Sandbox guard();
  /// Only computes: no files, no network, no processes besides its own threads. For parsers, codecs and models, which
  /// are fed with what strangers made.
  static Sandbox compute();
  /// As compute(), with the files that are given by read, write and execute. Requires Landlock (Linux 5.13).
  static Sandbox files();
  /// As files(), with TCP connections to the given ports; names have to be resolved by the host. Requires Linux 6.7.
  static Sandbox client();

  /// The path, and everything below it, may be read. A relative path starts at the worker's working directory. It has
  /// to exist at the start. compute() becomes files() by this; guard() cannot have it.
  [[nodiscard]] Sandbox read(std::string path) const;
  /// The same for reading, writing, creating and removing.
  [[nodiscard]] Sandbox write(std::string path) const;
  /// The same for reading and executing. Then the worker may start processes, in the same box, and `kill_descendants`
  /// is on. Requires Linux 6.12.
  [[nodiscard]] Sandbox execute(std::string path) const;
  /// read() and execute() for what programs of the system need: /usr, /lib, /lib64, /bin and the loader's cache in
  /// /etc, as far as they exist; and /dev/null.
  [[nodiscard]] Sandbox system() const;
  /// Connections to these TCP ports are allowed. Only client() can have it.
  [[nodiscard]] Sandbox connect(std::vector<std::uint16_t> ports) const;
  /// One system call more is allowed, whatever its arguments are. The name is that of the kernel, as the report of a
  /// violation has it. Throws InvalidArgumentError for a name that coproc does not know, and for guard().
  [[nodiscard]] Sandbox allow(std::string_view call) const;
  /// Every call that is refused ends the worker and is named (`ExitStatus::violation`), also one that programs usually
  /// can do without, such as opening a file.
  [[nodiscard]] Sandbox strict() const;
  /// The worker starts also where the system cannot enforce all of the box. `Worker::confinement()` says what is
  /// missing.
  [[nodiscard]] Sandbox best_effort() const;

  bool operator==(const Sandbox&) const = default;
  const detail::SandboxParts& parts() const noexcept { return parts_; }
  explicit Sandbox(detail::SandboxParts parts) : parts_(std::move(parts)) {}

 private:
  detail::SandboxParts parts_;
};

}  // namespace coproc::inline v0
