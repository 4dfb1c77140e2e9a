// The description of the target that a host sends to a worker that is no fork of it.
//
// Thread safety: values, and free functions of the thread that starts the worker.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coproc/worker.hpp"
#include "link/link.hpp"
#include "messenger/core.hpp"
#include "process/code_ref.hpp"

namespace coproc::inline v0 {

/// A messenger among the start arguments; its three descriptors come with the request.
struct HandedMessenger {
  int end = 0;
  bool reorders = true;
  std::uint64_t max_message_bytes = 0;
  std::uint64_t max_queued_bytes = 0;
  std::int64_t spin_ns = 0;
  bool automatic_loans = true;
};

/// The type of an argument for an executable. It must be the same type in both programs.
struct ArgumentName {
  std::uint64_t type_id = 0;  // 0: a messenger
  std::string description;

  bool operator==(const ArgumentName& other) const { return type_id == other.type_id; }
};

/// A state that an earlier worker has saved.
struct GivenState {
  std::uint64_t type_id = 0;
  std::string description;
  std::string bytes;
};

/// The payload of process::StartRequest. Its descriptors are those of the worker's own link, then three for each
/// messenger.
struct RunRequest {
  HandedMessenger own;
  std::vector<HandedMessenger> messengers;
  bool reports_crashes = true;
  process::CodeRef run_received;             // null: an executable knows what to run
  process::CodeRef function;                 // of a function target
  std::vector<ArgumentName> argument_types;  // for an executable
  std::string arguments;
  std::uint64_t max_state_bytes = 0;  // of a state that the worker saves; 0: none is kept
  std::optional<GivenState> state;
};

/// The link of a messenger among the start arguments. Throws InvalidArgumentError if it has none.
link::Link& link_of_argument(const Messenger& messenger);

/// The state that a worker of this supervisor, which may be null, is to be given; nullopt for none.
std::optional<GivenState> state_from(const detail::PeerSupervisor* supervisor);
/// Makes it the one that this process was given.
void take_given(std::optional<GivenState> state, std::size_t max_allocation);

/// The encoded RunRequest for the worker that gets `worker_end`, and in `fds` its descriptors. Throws StartReport if
/// the code cannot be named, InvalidArgumentError if a messenger among the arguments was used, and what the arguments'
/// codecs throw. `supervisor`: of this worker, or none.
std::string encode_request(const detail::StartPlan& plan, const link::Link& worker_end,
                           const detail::CoreOptions& options, bool reports_crashes,
                           const std::weak_ptr<detail::PeerSupervisor>& supervisor, std::vector<int>& fds);

}  // namespace coproc::inline v0
