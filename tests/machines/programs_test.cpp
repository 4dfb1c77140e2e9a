// Which program is executed on another machine, and what it can do to itself there.
#include <gtest/gtest.h>

#include "machines/here.hpp"
#include "programs.hpp"
#include "support/process.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

using coproc::ExitStatus;
using coproc::PriorityMessenger;
using coproc::Sandbox;
using coproc::WorkerResource;

namespace {

/// A folder with a program that replaces its own file by another one.
struct Replaced {
  Replaced() {
    std::string name = std::filesystem::temp_directory_path() / "coproc-test-XXXXXX";
    folder = ::mkdtemp(name.data());
    std::filesystem::copy(REPLACED_HOST, folder + "/host");
    std::filesystem::copy("/bin/true", folder + "/other");
  }
  Replaced(const Replaced&) = delete;
  Replaced& operator=(const Replaced&) = delete;
  ~Replaced() { std::filesystem::remove_all(folder); }

  std::string run(const std::string& more) const {
    const std::string command = "XDG_CACHE_HOME='" + folder + "/cache' '" + folder + "/host' '" + COPROC_AGENT + "' '" +
                                folder + "/other' " + more;
    FILE* const output = ::popen(command.c_str(), "r");
    std::string text;
    for (int c; (c = std::fgetc(output)) != EOF;) text += static_cast<char>(c);
    ::pclose(output);
    return text;
  }

  std::string folder;
};

TEST(MachinePrograms, AFileThatWasReplacedSinceTheStartIsRefused) {
  const Replaced host;
  const std::string text = host.run("");
  EXPECT_NE(text.find("file was replaced or removed since it was started"), std::string::npos) << text;
  EXPECT_NE(text.find("MachineOptions::program_there"), std::string::npos) << text;
}

TEST(MachinePrograms, AFileThatWasReplacedSinceTheStartIsSentAsItRuns) {
  const Replaced host;
  EXPECT_EQ(host.run("ships"), "hello\n");
}

/// Says what may be done before and behind the door, and then what may not.
void confine_itself(PriorityMessenger& host) {
  host.send_norequest(::open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0);
  coproc::this_worker::confine(Sandbox::compute().strict());
  const auto question = host.receive_blocking<std::string>();
  host.send_norequest(question + std::string(100'000, '!'));
  host.send_norequest(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

TEST(MachinePrograms, AWorkerThatConfinesItselfIsConfinedAndItsViolationIsTold) {
  WorkerResource worker{&confine_itself, {.machine = machines::here()}};
  worker.start();
  EXPECT_TRUE(worker.messenger().receive_blocking<bool>());
  worker.messenger().send_norequest(std::string("inside"));
  EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), "inside" + std::string(100'000, '!'));
  const ExitStatus status = worker.join();
  EXPECT_EQ(status.signal(), SIGSYS) << status.describe();
  ASSERT_TRUE(status.violation.has_value()) << status.describe();
  EXPECT_EQ(status.violation->call, "socket");
  EXPECT_EQ(status.violation->arguments[0], std::uint64_t{AF_INET});
  EXPECT_FALSE(status.stack.empty());
}

}  // namespace
