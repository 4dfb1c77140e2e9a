#include "remote/messages.hpp"

#include <signal.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "coproc/codec.hpp"
#include "coproc/errors.hpp"

namespace coproc::inline v0::remote {

namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 40;
constexpr std::size_t kMostAnswerBytes = std::size_t{64} << 10;
constexpr std::size_t kLeastRingBytes = 4096;

template <class T>
std::string encoded(const T& value) {
  detail::Buffer buffer;
  Encoder encoder(buffer, kMostBytes);
  encode(encoder, value);
  const auto bytes = encoder.written();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class T>
T decoded(std::string_view bytes, std::size_t most) {
  Decoder decoder(std::as_bytes(std::span(bytes)), most);
  T value;
  decode_into(decoder, value);
  decoder.finish();
  return value;
}

/// Of requests, which come from the host: their contents may be as large as it likes.
template <class T>
T decoded_request(std::string_view bytes) {
  return decoded<T>(bytes, bytes.size() * 16 + 65536);
}

void require(bool is_possible, const char* what) {
  if (!is_possible) throw DecodeError(std::string("a message between agents is impossible: ") + what);
}

Fence fence_of(std::int32_t value) noexcept {
  for (const Fence fence : {Fence::confirmed, Fence::by_lease}) {
    if (value == value_of(fence)) return fence;
  }
  return Fence::no;
}

bool is_ring_size(std::uint64_t bytes) {
  return std::has_single_bit(bytes) && bytes >= kLeastRingBytes && bytes <= kMostRingBytes;
}

void check(const LaunchRequest& request) {
  require(!request.launcher.empty() && !request.launcher.front().empty(), "a launcher without a command");
  require(request.program_build_id.empty() || request.agent_there.empty(), "a program that is sent to an agent there");
  require(request.first_port <= request.last_port && request.last_port <= 65535, "the ports to listen at");
}

void check(const WorkerEnd& end) {
  using How = WorkerEnd::How;
  require(end.how >= How::exited && end.how <= How::lost, "the way in which a worker ended");
  require(end.how != How::exited || (end.value >= 0 && end.value <= 255), "an exit code");
  require(end.how != How::signalled || (end.value >= 1 && end.value <= SIGRTMAX), "a signal");
  require(end.how != How::lost || (end.value >= 0 && end.value <= value_of(Fence::by_lease)),
          "the fence of a lost worker");
  require(end.user_us >= 0 && end.system_us >= 0 && end.peak_kib >= 0, "a time or a size below zero");
  require(end.text.size() <= kMostTextBytes, "the length of a text");
  require(end.crash_area.empty() || end.crash_area.size() == kMostCrashBytes, "the size of a crash report");
}

}  // namespace

std::string to_bytes(const WorkerRequest& request) { return encoded(request); }
std::string to_bytes(const NearRequest& request) { return encoded(request); }
std::string to_bytes(const TrunkRequest& request) { return encoded(request); }
std::string to_bytes(const StartAnswer& answer) { return encoded(answer); }
std::string to_bytes(const WorkerEnd& end) { return encoded(end); }
std::string to_bytes(const SignalOrder& order) { return encoded(order); }

WorkerRequest read_worker_request(std::string_view bytes) {
  auto request = decoded_request<WorkerRequest>(bytes);
  require(is_ring_size(request.ring_bytes), "the size of a ring");
  require(!request.program.empty(), "the path of a program");
  require(request.silence_ns > 0, "the time of a silence");
  return request;
}

NearRequest read_near_request(std::string_view bytes) {
  auto request = decoded_request<NearRequest>(bytes);
  require(is_ring_size(request.ring_bytes), "the size of a ring");
  if (!request.is_on_trunk) check(request.launch);
  require(request.silence_ns > 0, "the time of a silence");
  require(request.fence.empty() || !request.fence.front().empty(), "a fence without a command");
  require(request.fence.empty() || request.fence_time_ns > 0, "the time of a fence");
  require(request.link_end == 0 || request.link_end == 1, "the end of a link");
  return request;
}

TrunkRequest read_trunk_request(std::string_view bytes) {
  auto request = decoded_request<TrunkRequest>(bytes);
  check(request.launch);
  require(request.silence_ns > 0, "the time of a silence");
  return request;
}

StartAnswer read_start_answer(std::string_view bytes) {
  auto answer = decoded<StartAnswer>(bytes, kMostAnswerBytes);
  require(answer.pid >= 0, "a process number below zero");
  require(answer.stage.size() <= 64 && answer.text.size() <= kMostTextBytes, "the length of a text");
  require(answer.pid == 0 || (answer.stage.empty() && !answer.end), "a worker that was started and was not");
  require(answer.pid != 0 || !answer.stage.empty(), "a failed start without its stage");
  if (answer.end) check(*answer.end);
  return answer;
}

WorkerEnd read_worker_end(std::string_view bytes) {
  auto end = decoded<WorkerEnd>(bytes, kMostAnswerBytes);
  check(end);
  return end;
}

SignalOrder read_signal_order(std::string_view bytes) {
  auto order = decoded<SignalOrder>(bytes, kMostAnswerBytes);
  require(order.signal >= 1 && order.signal <= SIGRTMAX, "a signal");
  return order;
}

std::int32_t value_of(Fence fence) noexcept {
  switch (fence) {
    case Fence::confirmed:
      return 1;
    case Fence::by_lease:
      return 2;
    case Fence::no:
      break;
  }
  return 0;
}

WorkerEnd end_of(const ExitStatus& status) {
  WorkerEnd end;
  if (const auto code = status.code()) {
    end.how = WorkerEnd::How::exited;
    end.value = *code;
  } else if (const auto signal = status.signal()) {
    end.how = WorkerEnd::How::signalled;
    end.value = *signal;
    end.core_dumped = std::get<Signalled>(status.end).core_dumped;
  }
  end.user_us = std::max<std::int64_t>(status.resources.user_time.count(), 0);
  end.system_us = std::max<std::int64_t>(status.resources.system_time.count(), 0);
  end.peak_kib = std::max<std::int64_t>(status.resources.peak_memory_kib, 0);
  end.text = status.limit;
  return end;
}

ExitStatus status_of(const WorkerEnd& end, const std::string& machine) {
  ExitStatus status;
  switch (end.how) {
    case WorkerEnd::How::exited:
      status.end = Exited{end.value};
      break;
    case WorkerEnd::How::signalled:
      status.end = Signalled{end.value, end.core_dumped};
      break;
    case WorkerEnd::How::unknown:
      status.end = UnknownEnd{};
      break;
    case WorkerEnd::How::lost:
      status.end = MachineLost{machine, end.text, fence_of(end.value)};
      return status;
  }
  status.resources.user_time = std::chrono::microseconds(end.user_us);
  status.resources.system_time = std::chrono::microseconds(end.system_us);
  status.resources.peak_memory_kib = static_cast<long>(end.peak_kib);
  status.limit = end.text;
  return status;
}

}  // namespace coproc::inline v0::remote
