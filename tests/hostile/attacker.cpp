#include "hostile/attacker.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "messenger/channel_access.hpp"

namespace hostile {

using coproc::link::FrameHeader;
using coproc::link::FrameKind;
using coproc::link::kHeaderBytes;

namespace {

std::span<std::byte> find_link() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    // The mapping from the file's beginning: loans are mapped apart from it.
    if (line.find("coproc-link") == std::string::npos || line.find(" 00000000 ") == std::string::npos) continue;
    std::size_t dash = 0;
    const auto from = std::stoull(line, &dash, 16), to = std::stoull(line.substr(dash + 1), nullptr, 16);
    return {reinterpret_cast<std::byte*>(from), static_cast<std::size_t>(to - from)};
  }
  throw std::runtime_error("no link is mapped");
}

/// The only non-blocking pipe that a worker can write to, its standard streams apart.
int find_wake_out() {
  for (int fd = 3; fd < 1024; ++fd) {
    struct stat status;
    if (::fstat(fd, &status) != 0 || !S_ISFIFO(status.st_mode)) continue;
    const int flags = ::fcntl(fd, F_GETFL);
    if ((flags & O_ACCMODE) == O_WRONLY && (flags & O_NONBLOCK) != 0) return fd;
  }
  throw std::runtime_error("no pipe leads to the host");
}

int find_memory() {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry, gone).string().find("coproc-link") != std::string::npos)
      return std::stoi(entry.path().filename());
  }
  throw std::runtime_error("no link's memory is open");
}

std::size_t ring_bytes(std::span<const std::byte> link) { return (link.size() - coproc::link::kHeaderPage) / 2; }

}  // namespace

Attacker::Attacker(Control& control, std::uint64_t seed)
    : control_(control),
      round_(control.round.load()),
      random_(seed),
      link_(find_link()),
      wake_out_(find_wake_out()),
      memory_(find_memory()),
      producer_(header().ring[1], link_.subspan(coproc::link::kHeaderPage + ring_bytes(link_), ring_bytes(link_))),
      before_(random_()) {}

std::span<std::byte> Attacker::map_loans(int from) const {
  const std::size_t bytes =
      coproc::link::LoanShape{reinterpret_cast<const coproc::link::LinkHeader*>(link_.data())->loan_bytes}.total();
  const std::size_t at = link_.size() + static_cast<std::size_t>(from) * bytes;
  void* const area = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory_, static_cast<off_t>(at));
  if (area == MAP_FAILED) throw std::runtime_error("its loans cannot be mapped");  // NOLINT: the system's own cast
  return {static_cast<std::byte*>(area), bytes};
}

void Attacker::wake_host() noexcept {
  const char byte = 1;
  (void)!::write(wake_out_, &byte, 1);
}

bool Attacker::mutated_in_a_storm() {
  control_.mutations.fetch_add(1);
  return !is_over();
}

bool Attacker::mutated() {
  control_.mutations.fetch_add(1);
  if (burst_-- == 0) {
    burst_ = below(24);
    const std::uint64_t calls = control_.host_calls.load();
    while (control_.host_calls.load() == calls && !is_over()) ::sched_yield();
  }
  return !is_over();
}

void Attacker::wait_for_the_end() noexcept {
  while (!is_over()) ::usleep(200);
}

std::uint64_t Attacker::chosen(std::uint64_t old) {
  const std::uint64_t capacity = ring_bytes(link_);
  const std::uint64_t values[] = {0,
                                  1,
                                  ~std::uint64_t{0},
                                  std::uint64_t{1} << 63,
                                  std::uint64_t{1} << 31,
                                  0xffff'ffff,
                                  0x7fff'ffff'ffff'ffff,
                                  old + 1,
                                  old - 1,
                                  old + 8,
                                  old - 8,
                                  old + capacity,
                                  old - capacity,
                                  old + capacity / 4,
                                  old ^ (std::uint64_t{1} << below(64)),
                                  before_,
                                  any(),
                                  below(2 * capacity),
                                  below(64)};
  before_ = old;
  return values[below(std::size(values))];
}

void Attacker::send(FrameHeader frame, std::span<const std::byte> payload) {
  frame.length = static_cast<std::uint32_t>(kHeaderBytes + payload.size());
  Bytes rest(kHeaderBytes - 4 + payload.size());
  std::memcpy(rest.data(), reinterpret_cast<const std::byte*>(&frame) + 4, kHeaderBytes - 4);
  if (!payload.empty()) std::memcpy(rest.data() + kHeaderBytes - 4, payload.data(), payload.size());
  send_record(frame.length, rest);
}

void Attacker::send_record(std::uint32_t length, std::span<const std::byte> rest) {
  rest = rest.first(std::min(rest.size(), producer_.max_record() - 4));
  std::span<std::byte> room;
  while ((room = producer_.reserve(4 + rest.size())).empty()) {
    if (is_over()) return;
    wake_host();
    ::sched_yield();
  }
  if (!rest.empty()) std::memcpy(room.data() + 4, rest.data(), rest.size());
  producer_.commit(4 + rest.size());
  std::memcpy(room.data(), &length, sizeof length);
  producer_.publish();
  wake_host();
}

void Attacker::declare_channel(const coproc::ChannelId& id) {
  coproc::detail::Buffer buffer;
  coproc::Encoder encoder(buffer, 1 << 16);
  coproc::detail::ChannelAccess::encode(encoder, id);
  send({.kind = FrameKind::channel}, encoder.written());
}

void Attacker::declare_type(std::uint64_t id, const std::string& description) {
  send({.kind = FrameKind::type}, encoded(id, description));
}

}  // namespace hostile
