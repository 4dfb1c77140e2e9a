// Workers on another machine that break the rules of their link: the host gets one ProtocolError, and can stop them.
#include <gtest/gtest.h>

#include "machines/here.hpp"
#include "support/process.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "link/frame.hpp"
#include "link/link_memory.hpp"

using namespace std::chrono_literals;
using coproc::PriorityMessenger;
using coproc::WorkerResource;
using coproc::link::LinkHeader;

namespace {

constexpr int kWorker = 1, kAgent = 0;  // the ends of its link

/// The worker's own mapping of its link.
LinkHeader& find_link() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find("coproc-link") == std::string::npos) continue;
    return *reinterpret_cast<LinkHeader*>(std::stoull(line, nullptr, 16));  // NOLINT: an address from the kernel
  }
  std::abort();
}

/// Closes every pipe, and with them the one by which it would wake its peer.
void close_pipes() {
  std::vector<int> pipes;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int fd = std::stoi(entry.path().filename());
    struct stat status {};
    if (fd > 2 && ::fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode)) pipes.push_back(fd);
  }
  for (const int fd : pipes) {
    if ((::fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY) ::close(fd);
  }
}

enum class Crime { write_position, read_position, length, header, loans, wake_pipe, close_requests };

void commit_crime(PriorityMessenger& host, Crime crime) {
  host.send_norequest(std::string("an honest message"));
  LinkHeader& link = find_link();
  auto* const ring = reinterpret_cast<std::byte*>(&link) + coproc::link::kHeaderPage + link.ring_bytes;
  // A record that only the sending end writes: behind what it has sent so far, which must have been taken.
  const auto record_at = [&](std::uint64_t tail) { return ring + (tail & (link.ring_bytes - 1)); };
  while (link.ring[kWorker].head.load() != link.ring[kWorker].tail.load()) ::usleep(100);
  const std::uint64_t tail = link.ring[kWorker].tail.load();
  const auto publish = [&](std::uint32_t length) {
    std::memcpy(record_at(tail), &length, sizeof length);
    link.ring[kWorker].tail.store(tail + (length + 7u) / 8u * 8u);
  };
  coproc::link::FrameHeader header;
  switch (crime) {
    case Crime::write_position:
      link.ring[kWorker].tail.store(tail + 3);
      break;
    case Crime::read_position:
      link.ring[kAgent].head.store(std::uint64_t{1} << 40);
      break;
    case Crime::length:
      publish(4096);
      std::memset(record_at(tail), 0x7f, 4);
      break;
    case Crime::header:
      std::memset(record_at(tail), 0xee, 40);
      publish(40);
      break;
    case Crime::loans:
      header.flags = coproc::link::kCarriesLoans;
      coproc::link::write_header(record_at(tail), header);
      std::memset(record_at(tail) + sizeof header, 1, 48);
      publish(sizeof header + 48);
      break;
    case Crime::wake_pipe:
      close_pipes();
      break;
    case Crime::close_requests:
      for (int i = 0; i < 100'000; ++i) link.side[kWorker].close_requests.fetch_add(1);
      break;
  }
  link.side[kWorker].stuck.store(77);
  host.send_close_request();  // wakes the agent
  support::sleep_for_ever();
}

void expect_protocol_error(Crime crime) {
  SCOPED_TRACE(static_cast<int>(crime));
  WorkerResource worker{&commit_crime, {.machine = machines::here()}};
  worker.start(crime);
  for (bool is_over = false; !is_over;) {
    try {
      // The agent looks at what the worker has read only when it has something for it.
      if (crime == Crime::read_position)
        worker.messenger().send_norequest(std::string(10'000, 'x'), {}, {.timeout = 1s});
      (void)worker.messenger().receive_for<std::string>(10ms);
    } catch (const coproc::ProtocolError&) {
      is_over = true;
    } catch (const coproc::WorkerRequestedClose&) {
      // Its wake-up call, which may come first.
    } catch (const coproc::TimeoutError&) {}
  }
  EXPECT_TRUE(worker.is_alive());
  const coproc::ExitStatus status = worker.stop({.close = 0s, .terminate = coproc::kForever});
  EXPECT_EQ(status.signal(), SIGTERM) << status.describe();
}

TEST(MachineHostile, promise_11_AWorkerThatBreaksItsLinkCostsOneProtocolError) {
  for (const Crime crime : {Crime::write_position, Crime::read_position, Crime::length, Crime::header, Crime::loans}) {
    expect_protocol_error(crime);
  }
}

TEST(MachineHostile, promise_11_AWorkerThatClosesItsPipeAndLivesOnCostsOneProtocolError) {
  expect_protocol_error(Crime::wake_pipe);
}

TEST(MachineHostile, CloseRequestsWithoutEndAreNoMoreThanOne) {
  WorkerResource worker{&commit_crime, {.machine = machines::here()}};
  worker.start(Crime::close_requests);
  EXPECT_THROW(
      {
        for (;;) (void)worker.messenger().receive_blocking<std::string>();
      },
      coproc::WorkerRequestedClose);
  EXPECT_EQ(worker.stop({.close = 0s, .terminate = coproc::kForever}).signal(), SIGTERM);
}

}  // namespace
