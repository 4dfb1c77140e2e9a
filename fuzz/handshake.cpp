// Whatever a starting program writes is read as a report or as none, and whatever a worker is sent is read as a start
// request or refused.
#include <fcntl.h>

#include <cstdint>
#include <string>
#include <vector>

#include "check.hpp"
#include "input.hpp"
#include "os/fd_passing.hpp"
#include "os/file.hpp"
#include "os/socket_pair.hpp"
#include "process/start_channel.hpp"
#include "process/start_request.hpp"

namespace fuzz {
namespace {

namespace os = coproc::os;
namespace process = coproc::process;

/// The host's side. The program that it hears may be any.
void read_report(std::span<const std::byte> bytes) {
  process::StartChannel channel;
  (void)os::send_all(channel.worker_end(), bytes.data(), bytes.size());
  channel.keep_host_end();
  if (channel.take_in() != process::StartChannel::Arrived::all) return;
  const auto report = channel.take_report();
  if (!report) return;
  demand(std::string(process::name_of(report->stage)) != "", "a report without a stage");
  // Of the 4096 bytes that are read, each becomes at most five: a newline with the indent behind it.
  demand(report->text.size() <= 5 * 4096, "a report with more text than there may be");
}

/// The worker's side. The length in the header may be anything.
void read_request(Input& input) {
  static const os::Fd null = os::open_file("/dev/null", O_RDONLY);
  auto ends = os::SocketPair::create();
  const std::vector<int> fds(input.below(12), null.get());
  const std::size_t before = allocated_bytes();
  const auto sent = input.rest();
  if (!sent.empty()) (void)os::send_with_fds(ends.first, sent, fds, os::Deadline::forever());
  ends.first.reset();
  process::StartRequest request;
  process::StartFds received;
  try {
    if (!process::receive_start_request(ends.second, request, received)) return;
    demand(received.lifeline && received.working_directory, "a request without its descriptors");
    demand(received.kept.size() == request.keep_fds.size(), "a request without all of its descriptors");
  } catch (const process::StartReport& report) {
    demand(report.stage == process::StartStage::handshake, "a refused request that is no matter of the handshake");
  }
  demand(allocated_bytes() <= before + (std::size_t{4} << 20), "a request takes more memory than came");
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  if (input.below(2) == 0) {
    fuzz::read_report(input.rest());
  } else {
    fuzz::read_request(input);
  }
  return 0;
}
