#include "wire/contents.hpp"

#include <gtest/gtest.h>

#include <signal.h>

#include <string>

#include "coproc/errors.hpp"

namespace {

using namespace coproc;
using remote::WorkerEnd;

TEST(WireContents, ComeBackAsTheyWere) {
  const wire::Hello hello{1, 2, 3, "riscv64"};
  EXPECT_EQ(wire::read_hello(wire::to_payload(hello)), hello);
  const wire::Stuck stuck{1, 2, 3, ~std::uint64_t{0}};
  EXPECT_EQ(wire::read_stuck(wire::to_payload(stuck)), stuck);
  const auto order = wire::read_signal(wire::to_payload(remote::SignalOrder{SIGUSR1, true, 77}));
  EXPECT_EQ(order.signal, SIGUSR1);
  EXPECT_TRUE(order.has_value);
  EXPECT_EQ(order.value, 77u);
}

WorkerEnd end_of(WorkerEnd::How how, int value) {
  WorkerEnd end;
  end.how = how;
  end.value = value;
  return end;
}

TEST(WireContents, EveryEndOfAWorkerBecomesItsStatus) {
  const auto there_and_back = [](const ExitStatus& status) {
    return remote::status_of(wire::read_ended(wire::to_payload(to_bytes(remote::end_of(status)))), "there");
  };
  ExitStatus status;
  status.end = Exited{3};
  status.resources.peak_memory_kib = 1234;
  EXPECT_EQ(there_and_back(status).code(), 3);
  EXPECT_EQ(there_and_back(status).resources.peak_memory_kib, 1234);
  status.end = Signalled{SIGSEGV, true};
  EXPECT_EQ(there_and_back(status).end, status.end);
  status.end = UnknownEnd{};
  EXPECT_EQ(there_and_back(status).end, status.end);
  status.limit = "RLIMIT_CPU";
  EXPECT_EQ(there_and_back(status).limit, "RLIMIT_CPU");
}

TEST(WireContents, ALossIsToldByTheNearAgentOnly) {
  WorkerEnd lost = end_of(WorkerEnd::How::lost, 1);
  lost.text = "the connection ended";
  EXPECT_THROW((void)wire::read_ended(wire::to_payload(to_bytes(lost))), wire::BrokenWire);
  const ExitStatus status = remote::status_of(remote::read_worker_end(to_bytes(lost)), "node7");
  EXPECT_EQ(std::get<MachineLost>(status.end), (MachineLost{"node7", "the connection ended", Fence::confirmed}));
  EXPECT_EQ(status.describe(),
            "was lost with the connection to its machine (node7): the connection ended; it has ended, and what it sent "
            "last may be missing");
  lost.value = 0;
  EXPECT_EQ(std::get<MachineLost>(remote::status_of(lost, "node7").end).fence, Fence::no);
  for (const Fence fence : {Fence::confirmed, Fence::by_lease, Fence::no}) {
    lost.value = remote::value_of(fence);
    EXPECT_EQ(std::get<MachineLost>(remote::status_of(lost, "node7").end).fence, fence);
  }
}

TEST(WireContents, RefusesEndsThatCannotBe) {
  using How = WorkerEnd::How;
  for (const WorkerEnd& end : {end_of(How::exited, -1), end_of(How::exited, 256), end_of(How::signalled, 0),
                               end_of(How::signalled, SIGRTMAX + 1), end_of(static_cast<How>(0), 0),
                               end_of(static_cast<How>(5), 0), end_of(How::lost, 3)}) {
    EXPECT_THROW((void)remote::read_worker_end(to_bytes(end)), DecodeError);
  }
  WorkerEnd end = end_of(How::exited, 0);
  end.peak_kib = -1;
  EXPECT_THROW((void)remote::read_worker_end(to_bytes(end)), DecodeError);
  end.peak_kib = 0;
  end.crash_area = "short";
  EXPECT_THROW((void)remote::read_worker_end(to_bytes(end)), DecodeError);
  end.crash_area.clear();
  end.text = std::string(remote::kMostTextBytes + 1, 'x');
  EXPECT_THROW((void)remote::read_worker_end(to_bytes(end)), DecodeError);
}

TEST(WireContents, RefusesAnswersThatCannotBe) {
  remote::StartAnswer answer;  // neither started nor not
  EXPECT_THROW((void)remote::read_start_answer(to_bytes(answer)), DecodeError);
  answer.pid = -1;
  EXPECT_THROW((void)remote::read_start_answer(to_bytes(answer)), DecodeError);
  answer.pid = 7;
  EXPECT_EQ(remote::read_start_answer(to_bytes(answer)).pid, 7);
  answer.stage = "exec";  // both
  EXPECT_THROW((void)remote::read_start_answer(to_bytes(answer)), DecodeError);
  answer.pid = 0;
  EXPECT_EQ(remote::read_start_answer(to_bytes(answer)).stage, "exec");
  answer.end = end_of(WorkerEnd::How::exited, 999);
  EXPECT_THROW((void)remote::read_start_answer(to_bytes(answer)), DecodeError);
}

TEST(WireContents, RefusesRequestsThatCannotBe) {
  remote::WorkerRequest worker;
  worker.program = "/bin/worker";
  worker.ring_bytes = 4096;
  EXPECT_THROW((void)remote::read_worker_request(to_bytes(worker)), DecodeError);  // no silence
  worker.silence_ns = 1;
  EXPECT_EQ(remote::read_worker_request(to_bytes(worker)).program, "/bin/worker");
  for (const std::uint64_t bytes :
       {std::uint64_t{0}, std::uint64_t{2048}, std::uint64_t{5000}, std::uint64_t{1} << 19}) {
    worker.ring_bytes = bytes;
    EXPECT_THROW((void)remote::read_worker_request(to_bytes(worker)), DecodeError);
  }
  remote::NearRequest near;
  near.ring_bytes = 4096;
  EXPECT_THROW((void)remote::read_near_request(to_bytes(near)), DecodeError);  // no launcher
  near.launch.launcher = {"env"};
  EXPECT_THROW((void)remote::read_near_request(to_bytes(near)), DecodeError);  // no silence
  near.silence_ns = 1;
  EXPECT_EQ(remote::read_near_request(to_bytes(near)).launch.launcher.front(), "env");
  near.fence = {"true"};
  EXPECT_THROW((void)remote::read_near_request(to_bytes(near)), DecodeError);  // no time for it
  near.fence_time_ns = 1;
  EXPECT_EQ(remote::read_near_request(to_bytes(near)).fence.front(), "true");
  near.fence = {""};
  EXPECT_THROW((void)remote::read_near_request(to_bytes(near)), DecodeError);
  near.fence.clear();
  near.link_end = 2;
  EXPECT_THROW((void)remote::read_near_request(to_bytes(near)), DecodeError);
  near = {};
  near.is_on_trunk = true;
  near.silence_ns = 1;
  near.ring_bytes = 4096;
  EXPECT_TRUE(remote::read_near_request(to_bytes(near)).is_on_trunk);  // which has a launcher already
  remote::TrunkRequest trunk;
  trunk.silence_ns = 1;
  EXPECT_THROW((void)remote::read_trunk_request(to_bytes(trunk)), DecodeError);  // no launcher
  trunk.launch.launcher = {"env"};
  EXPECT_EQ(remote::read_trunk_request(to_bytes(trunk)).launch.launcher.front(), "env");
  trunk.silence_ns = 0;
  EXPECT_THROW((void)remote::read_trunk_request(to_bytes(trunk)), DecodeError);
}

}  // namespace
