// What a host and the two agents of a machine tell each other about one worker: how to start it, and how it ended.
//
//   host            near agent            far agent
//     | WorkerRequest  |                     |      with the descriptors of the host's link, which stay here
//     |  --------------> --- its bytes ----> |      starts the worker
//     |   StartAnswer  |                     |
//     |  <-------------- <------------------ |
//     |  SignalOrder   |                     |
//     |  --------------> ------------------> |      as often as the host sends a signal
//     |   WorkerEnd    |                     |
//     |  <-------------- <------------------ |      then both agents end
//
// Thread safety: values and free functions.
// Security considerations: what the far agent sends is checked by wire::Door, which decodes with these functions. What
// the near agent sends is decoded with them, too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "coproc/exit_status.hpp"
#include "coproc/options.hpp"
#include "process/crash_area.hpp"
#include "process/start_stage.hpp"

namespace coproc::inline v0::remote {

/// A frame of the wire holds 64 KiB, so that the link of a remote worker has no larger ring than this: a record takes
/// at most a quarter of it.
inline constexpr std::size_t kMostRingBytes = std::size_t{256} << 10;

/// What the far agent needs to start the worker. Its link is of the far agent's making.
struct WorkerRequest {
  std::string name;
  std::uint64_t number = 0;
  std::optional<std::uint64_t> seed;
  bool is_executable = false;
  std::string program;                 // its path there
  std::vector<std::string> arguments;  // with argv[0], unless it is an executable
  std::map<std::string, std::optional<std::string>> environment;
  std::string working_directory;
  bool kills_descendants = false;
  bool heeds_signals_of_others = false;
  std::int64_t start_timeout_ns = 0;
  std::int64_t silence_ns = 0;  // MachineOptions::silence; the greatest number: for ever
  std::uint64_t ring_bytes = 0;
  std::string payload;  // of process::StartRequest
};

/// How a machine is reached.
struct LaunchRequest {
  std::vector<std::string> launcher;  // its command
  bool uses_shell = false;            // Launcher::uses_shell
  std::string agent_there;            // empty: it is sent there
  std::string program_build_id;       // of the file that comes with this, to be sent there; empty: none does
  bool connects_back = false;         // Launcher::connects_back
  std::uint32_t first_port = 0;       // MachineOptions::ports
  std::uint32_t last_port = 0;
};

/// What the near agent needs besides.
struct NearRequest {
  std::string machine;             // for errors
  bool is_on_trunk = false;        // the descriptors of a branch come with this, and nothing is launched
  LaunchRequest launch;            // else
  std::vector<std::string> fence;  // Launcher::fence
  std::int64_t fence_time_ns = 0;  // Launcher::fence_time
  std::int64_t start_timeout_ns = 0;
  std::int64_t silence_ns = 0;
  std::uint64_t ring_bytes = 0;
  std::int32_t link_end = 0;
  std::string worker;  // an encoded WorkerRequest
};

/// What the near end of a trunk needs (remote/trunk.hpp).
struct TrunkRequest {
  LaunchRequest launch;
  std::int64_t start_timeout_ns = 0;  // for the launch
  std::int64_t silence_ns = 0;
};

/// How a worker's process ended, or why that is not known.
struct WorkerEnd {
  enum class How : std::uint8_t { exited = 1, signalled, unknown, lost };
  How how = How::unknown;
  std::int32_t value = 0;  // the exit code or the signal; of `lost`: its fence (value_of)
  bool core_dumped = false;
  std::int64_t user_us = 0;
  std::int64_t system_us = 0;
  std::int64_t peak_kib = 0;
  std::string text;        // of `lost`: why; else the limit that ended it, or nothing
  std::string crash_area;  // of the far agent's link
};

/// Whether the worker was started; of a trunk, whether it was launched, and whether a far agent was executed.
struct StartAnswer {
  std::int32_t pid = 0;    // there; 0: it was not started
  std::string stage = {};  // StartError::stage()
  std::int32_t error = 0;  // StartError::error_number()
  std::string text = {};   // what failed and what to do
  std::optional<WorkerEnd> end = {};
};

/// A signal that the host sends to its worker.
struct SignalOrder {
  std::int32_t signal = 0;
  bool has_value = false;
  std::uint64_t value = 0;
};

inline constexpr std::size_t kMostTextBytes = 16384;
inline constexpr std::size_t kMostCrashBytes = process::kCrashReportBytes;

std::string to_bytes(const WorkerRequest& request);
std::string to_bytes(const NearRequest& request);
std::string to_bytes(const TrunkRequest& request);
std::string to_bytes(const StartAnswer& answer);
std::string to_bytes(const WorkerEnd& end);
std::string to_bytes(const SignalOrder& order);

/// They check everything: numbers for being possible, and texts for their length. Throw DecodeError.
WorkerRequest read_worker_request(std::string_view bytes);
NearRequest read_near_request(std::string_view bytes);
TrunkRequest read_trunk_request(std::string_view bytes);
StartAnswer read_start_answer(std::string_view bytes);
WorkerEnd read_worker_end(std::string_view bytes);
SignalOrder read_signal_order(std::string_view bytes);

/// 0: no, so that what was forgotten promises nothing; 1: confirmed; 2: by_lease.
std::int32_t value_of(Fence fence) noexcept;
WorkerEnd end_of(const ExitStatus& status);
/// `machine`: for MachineLost.
ExitStatus status_of(const WorkerEnd& end, const std::string& machine);

}  // namespace coproc::inline v0::remote
