// Loans where only one side can map them: little address space, or all memory locked. What is lent arrives all the
// same.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <coproc/coproc.hpp>

#include <fstream>
#include <string>
#include <thread>

#include "link/lender.hpp"
#include "link/link.hpp"
#include "messenger/access.hpp"
#include "os/sanitizer.hpp"
#include "support/loans.hpp"
#include "support/process.hpp"

using namespace std::chrono_literals;
using coproc::Messenger;
using coproc::PriorityMessenger;
using coproc::SharedBuffer;
using coproc::WorkerResource;
using support::counted;
using support::is_counted;
using support::kMiB;

namespace {

/// KiB
std::size_t status_of_process(const std::string& key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key + ":")) return std::stoul(line.substr(key.size() + 1));
  }
  return 0;
}

/// As much address space as there is, and so much more; nothing that is huge.
class LittleAddressSpace {
 public:
  LittleAddressSpace() {
    ::getrlimit(RLIMIT_AS, &before_);
    rlimit little = before_;
    little.rlim_cur = status_of_process("VmSize") * 1024 + 256 * kMiB;
    ::setrlimit(RLIMIT_AS, &little);
  }
  LittleAddressSpace(const LittleAddressSpace&) = delete;
  LittleAddressSpace& operator=(const LittleAddressSpace&) = delete;
  ~LittleAddressSpace() { ::setrlimit(RLIMIT_AS, &before_); }

 private:
  rlimit before_{};
};

coproc::link::Link& transport_of(Messenger& messenger) {
  return coproc::detail::MessengerAccess::core(messenger)->underlying_link();
}

std::size_t lent_by(Messenger& messenger) {
  const auto lender = transport_of(messenger).lender();
  lender->look(1000);
  return lender->counts().lent.loans;
}

struct LoansUnmapped : ::testing::Test {
  void SetUp() override {
    if (coproc::os::kHasSanitizer) GTEST_SKIP() << "a sanitizer takes all the address space itself";
  }
};

void lend_all_kinds(PriorityMessenger& host) {
  host.receive_blocking<int>();
  host.send_norequest(1);
  host.send_norequest(std::string(100'000, 'x'));
  host.send_norequest(counted(host, 50'000));
  host.send_norequest(support::Frame{.id = 7, .pixels = host.loan<float>(30'000)});
  host.send_norequest(2);
  host.receive_blocking<int>();  // by now it was told
  const std::size_t before = lent_by(host);
  host.send_norequest(std::string(200'000, 'y'));
  host.send_norequest(transport_of(host).peer_copies_loans());
  host.send_norequest(lent_by(host) - before);
  host.send_norequest(before);
  host.receive_blocking();
}

}  // namespace

TEST_F(LoansUnmapped, ALinkOfAHostWithLittleAddressSpaceLendsLess) {
  const LittleAddressSpace little;
  auto [a, b] = PriorityMessenger::new_pair();
  a.send_norequest(counted(a, 50'000));
  EXPECT_TRUE(is_counted(b.receive_blocking<SharedBuffer<int>>(), 50'000));
}

TEST_F(LoansUnmapped, ReachAHostWithoutTheAddressSpace) {
  WorkerResource worker{&lend_all_kinds, {.method = coproc::StartMethod::fork}};
  worker.start();
  auto& messenger = worker.messenger();
  const LittleAddressSpace little;
  messenger.send_norequest(0);
  EXPECT_EQ(messenger.receive_blocking<int>(), 1);
  EXPECT_EQ(messenger.receive_blocking<std::string>(), std::string(100'000, 'x'));
  auto buffer = messenger.receive_blocking<SharedBuffer<int>>();
  EXPECT_TRUE(is_counted(buffer, 50'000));
  buffer.span()[0] = 1;  // ordinary memory
  EXPECT_EQ(messenger.receive_blocking<support::Frame>().pixels.size(), 30'000u);
  EXPECT_EQ(messenger.receive_blocking<int>(), 2);
  messenger.send_norequest(0);
  EXPECT_EQ(messenger.receive_blocking<std::string>(), std::string(200'000, 'y'));
  EXPECT_TRUE(messenger.receive_blocking<bool>());
  EXPECT_EQ(messenger.receive_blocking<std::size_t>(), 0u) << "it still lends by itself";
  EXPECT_EQ(messenger.receive_blocking<std::size_t>(), 0u) << "what was copied was not given back";
}

namespace {

void lengths_with_little_space(PriorityMessenger& host, bool may_write_no_file) {
  const LittleAddressSpace little;
  const rlimit none{0, 0};
  if (may_write_no_file) ::setrlimit(RLIMIT_FSIZE, &none);
  while (true) {
    auto message = host.receive_blocking();
    host.reply_to(message, message.match([](const std::string& text) { return text.size(); },
                                         [](const SharedBuffer<int>& buffer) {
                                           return is_counted(buffer, buffer.size()) ? buffer.size() : 0;
                                         }));
  }
}

}  // namespace

TEST_F(LoansUnmapped, ReachAWorkerWithoutTheAddressSpace) {
  for (const bool may_write_no_file : {false, true}) {
    SCOPED_TRACE(may_write_no_file);
    WorkerResource worker{&lengths_with_little_space};
    worker.start(may_write_no_file);
    auto& host = worker.messenger();
    for (int i = 0; i < 3; ++i) {
      const auto automatic = host.send_request(std::string(100'000, 'x'));
      EXPECT_EQ(host.receive_reply<std::size_t>(automatic), 100'000u);
      const auto own = host.send_request(counted(host, 20'000));
      EXPECT_EQ(host.receive_reply<std::size_t>(own), 20'000u);
    }
    EXPECT_EQ(lent_by(host), 0u);
    EXPECT_TRUE(transport_of(host).peer_copies_loans());
  }
}

namespace {

/// What the memory of the worker's only link takes, in MiB.
std::size_t memory_of_link() {
  struct stat file {};
  for (const auto& [fd, path] : support::descriptors_of(::getpid())) {
    if (path.find("coproc-link") != std::string::npos && ::fstat(fd, &file) == 0)
      return static_cast<std::size_t>(file.st_blocks) * 512 / kMiB;
  }
  return ~std::size_t{0};
}

void lock_and_lend(PriorityMessenger& host, bool late) {
  const auto exchange = [&] {
    host.send_norequest(std::string(100'000, 'x'));
    return host.receive_blocking<std::string>().size();
  };
  if (late) exchange();
  if (::mlockall(MCL_CURRENT | MCL_FUTURE) != 0) return host.send_error(std::runtime_error("mlockall"));
  exchange();
  host.send_norequest(memory_of_link());
  host.receive_blocking();
}

}  // namespace

TEST_F(LoansUnmapped, MemoryThatIsLockedIsNotFilled) {
  for (const bool late : {false, true}) {
    SCOPED_TRACE(late);
    WorkerResource worker{&lock_and_lend, {.method = coproc::StartMethod::spawn, .link = {.loan_bytes = 256 * kMiB}}};
    worker.start(late);
    auto& host = worker.messenger();
    try {
      for (int i = 0; i < (late ? 2 : 1); ++i) host.send_norequest(host.receive_blocking<std::string>());
      EXPECT_LT(host.receive_blocking<std::size_t>(), 32u) << "MiB";
    } catch (const std::runtime_error& error) {
      if (std::string(error.what()) != "mlockall") throw;
      GTEST_SKIP() << "this user may not lock memory";
    }
  }
}

TEST_F(LoansUnmapped, WhatALinkCanLendIsBoundedOnEveryMachine) {
  auto [a, b] = PriorityMessenger::new_pair();
  EXPECT_LE(transport_of(a).lender()->space(), std::size_t{4} << 30);
}

TEST_F(LoansUnmapped, AReceiveWithoutMemoryIsAnErrorOfTheLibraryAndLosesNothing) {
  for (const bool lends : {false, true}) {
    SCOPED_TRACE(lends);
    WorkerResource worker{[](PriorityMessenger& host) {
                            host.send_norequest(1);
                            host.send_norequest(std::string(300 * kMiB, 'x'));
                            host.receive_blocking();
                          },
                          {.link = {.automatic_loans = lends}}};
    worker.start();
    auto& messenger = worker.messenger();
    {
      const LittleAddressSpace little;
      EXPECT_EQ(messenger.receive_blocking<int>(), 1);
      for (int i = 0; i < 2; ++i)
        EXPECT_THROW((void)messenger.receive_blocking<std::string>(), coproc::SystemLimitError);
    }
    EXPECT_EQ(messenger.receive_blocking<std::string>(), std::string(300 * kMiB, 'x'));
  }
}

TEST_F(LoansUnmapped, WhatTheSystemRefusesIsAnErrorOfTheLibrary) {
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  auto [a, b] = PriorityMessenger::new_pair();
  const rlimit none{3, before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &none);
  EXPECT_THROW((void)PriorityMessenger::new_pair(), coproc::SystemLimitError);
  EXPECT_THROW((void)a.native_handle(), coproc::SystemLimitError);
  EXPECT_THROW((void)coproc::LinkEnd(std::move(a)), coproc::SystemLimitError);
  ::setrlimit(RLIMIT_NOFILE, &before);
}
