#include "wire/contents.hpp"

#include <signal.h>

#include <cstring>
#include <string_view>

#include "coproc/errors.hpp"
#include "link/frame.hpp"
#include "process/start_request.hpp"
#include "wire/frame.hpp"

namespace coproc::inline v0::wire {

namespace {

constexpr const char* kArchitecture =
#if defined(__x86_64__)
    "x86_64";
#elif defined(__aarch64__)
    "aarch64";
#else
    "another architecture";
#endif
constexpr std::size_t kMostArchitecture = 64;

template <class T>
void append(std::vector<std::byte>& to, T number) {
  const std::size_t at = to.size();
  to.resize(at + sizeof number);
  std::memcpy(to.data() + at, &number, sizeof number);
}

/// Takes numbers off a payload whose length was checked.
class Numbers {
 public:
  explicit Numbers(std::span<const std::byte> bytes) : bytes_(bytes) {}
  template <class T>
  T next() {
    T number;
    std::memcpy(&number, bytes_.data(), sizeof number);
    bytes_ = bytes_.subspan(sizeof number);
    return number;
  }
  std::span<const std::byte> rest() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class Read>
auto reading(const char* what, Read read) {
  try {
    return read();
  } catch (const DecodeError& error) {
    throw BrokenWire(std::string(what) + " cannot be read: " + error.what());
  }
}

}  // namespace

std::string Hello::describe() const {
  return "wire " + std::to_string(wire) + ", link " + std::to_string(link) + ", start " + std::to_string(start) + ", " +
         architecture;
}

Hello own_hello() { return {kWireVersion, link::kProtocolVersion, process::kStartVersion, kArchitecture}; }

std::vector<std::byte> to_payload(std::string_view bytes) {
  const auto all = std::as_bytes(std::span(bytes));
  return {all.begin(), all.end()};
}

std::vector<std::byte> to_payload(const Hello& hello) {
  std::vector<std::byte> payload;
  for (const std::uint32_t version : {hello.wire, hello.link, hello.start}) append(payload, version);
  const auto text = std::as_bytes(std::span(hello.architecture));
  payload.insert(payload.end(), text.begin(), text.end());
  return payload;
}

std::vector<std::byte> to_payload(const Stuck& stuck) {
  std::vector<std::byte> payload;
  for (const std::uint64_t count : {stuck.received, stuck.sent, stuck.credit_given, stuck.credit_taken}) {
    append(payload, count);
  }
  return payload;
}

std::vector<std::byte> to_payload(const remote::SignalOrder& order) {
  std::vector<std::byte> payload;
  append(payload, order.signal);
  append(payload, std::uint32_t{order.has_value});
  append(payload, order.value);
  return payload;
}

Hello read_hello(std::span<const std::byte> payload) {
  if (payload.size() < 12 || payload.size() > 12 + kMostArchitecture) throw BrokenWire("a greeting of impossible size");
  Numbers numbers(payload);
  Hello hello;
  hello.wire = numbers.next<std::uint32_t>();
  hello.link = numbers.next<std::uint32_t>();
  hello.start = numbers.next<std::uint32_t>();
  hello.architecture = text_of(numbers.rest());
  return hello;
}

Stuck read_stuck(std::span<const std::byte> payload) {
  if (payload.size() != 4 * sizeof(std::uint64_t)) throw BrokenWire("counts of impossible size");
  Numbers numbers(payload);
  Stuck stuck;
  stuck.received = numbers.next<std::uint64_t>();
  stuck.sent = numbers.next<std::uint64_t>();
  stuck.credit_given = numbers.next<std::uint64_t>();
  stuck.credit_taken = numbers.next<std::uint64_t>();
  return stuck;
}

remote::SignalOrder read_signal(std::span<const std::byte> payload) {
  if (payload.size() != 16) throw BrokenWire("a signal of impossible size");
  Numbers numbers(payload);
  remote::SignalOrder order;
  order.signal = numbers.next<std::int32_t>();
  const auto has_value = numbers.next<std::uint32_t>();
  order.value = numbers.next<std::uint64_t>();
  if (order.signal < 1 || order.signal > SIGRTMAX || has_value > 1 || (has_value == 0 && order.value != 0)) {
    throw BrokenWire("a signal that there is not");
  }
  order.has_value = has_value == 1;
  return order;
}

remote::StartAnswer read_started(std::span<const std::byte> payload) {
  return reading("the answer to a start", [&] { return remote::read_start_answer(text_of(payload)); });
}

remote::WorkerEnd read_ended(std::span<const std::byte> payload) {
  auto end = reading("a worker's end", [&] { return remote::read_worker_end(text_of(payload)); });
  // Only the near agent can know that.
  if (end.how == remote::WorkerEnd::How::lost) throw BrokenWire("a worker's end that is none");
  return end;
}

}  // namespace coproc::inline v0::wire
