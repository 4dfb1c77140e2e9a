// iceoryx: loaned chunks in shared memory, made and read in place. With WAITSET it sleeps in a WaitSet; otherwise it
// polls.
//
// Its daemon RouDi is part of the program, in a process of its own. So is the host, whose runtime must not outlive
// RouDi.
#include <sys/socket.h>

#include <iceoryx_hoofs/log/logmanager.hpp>
#include <iceoryx_posh/iceoryx_posh_config.hpp>
#include <iceoryx_posh/internal/roudi/roudi.hpp>
#include <iceoryx_posh/popo/untyped_publisher.hpp>
#include <iceoryx_posh/popo/untyped_subscriber.hpp>
#include <iceoryx_posh/popo/wait_set.hpp>
#include <iceoryx_posh/roudi/iceoryx_roudi_components.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>
#include <optional>

#include "isolation.hpp"
#include "work.hpp"

constexpr const char *kHost = "coproc_bench_host", *kPeer = "coproc_bench_peer";  // their names in iceoryx

/// How many chunks may wait for their receiver: the default number, but no more than 16 MiB.
template <std::size_t Size>
constexpr std::uint32_t kQueue = std::min<std::uint32_t>(256, (16U << 20) / Size);

template <std::size_t Size>
class IceoryxEnd {
 public:
  static constexpr bool kSleeps = WAITSET;

  void become_host() { open(kHost, "there", "back"); }
  void become_peer() { open(kPeer, "back", "there"); }

  void send(std::uint64_t number) {
    publisher_->loan(Size)
        .and_then([&](void* chunk) {
          bench::make(*static_cast<bench::Payload<Size>*>(chunk), number);
          publisher_->publish(chunk);
        })
        .or_else([](auto) { throw std::runtime_error("no chunk to loan"); });
  }

  std::uint64_t receive() {
    std::optional<std::uint64_t> number;
    for (int tries = 1;; ++tries) {
      subscriber_->take().and_then([&](const void* chunk) {
        number = bench::number_of(*static_cast<const bench::Payload<Size>*>(chunk));
        subscriber_->release(chunk);
      });
      if (number) return *number;
      if constexpr (WAITSET) {
        wait_set_->wait();
      } else if (tries % 100 == 0) {
        sched_yield();  // for the case that both share a processor; an attempt takes some 50 ns
      }
    }
  }

 private:
  void open(const char* name, const char* out, const char* in) {
    const auto id = [](const char* text) { return iox::capro::IdString_t(iox::cxx::TruncateToCapacity, text); };
    iox::runtime::PoshRuntime::initRuntime(iox::RuntimeName_t(iox::cxx::TruncateToCapacity, name));
    iox::popo::PublisherOptions publisher_options;
    publisher_options.subscriberTooSlowPolicy = iox::popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
    iox::popo::SubscriberOptions subscriber_options;
    subscriber_options.queueCapacity = kQueue<Size>;
    subscriber_options.queueFullPolicy = iox::popo::QueueFullPolicy::BLOCK_PRODUCER;
    publisher_.emplace(iox::capro::ServiceDescription{"bench", "payload", id(out)}, publisher_options);
    subscriber_.emplace(iox::capro::ServiceDescription{"bench", "payload", id(in)}, subscriber_options);
    if (WAITSET) {
      wait_set_.emplace();
      const bool is_attached =
          !wait_set_->attachEvent(*subscriber_, iox::popo::SubscriberEvent::DATA_RECEIVED).has_error();
      bench::check(is_attached, "attaching to the WaitSet");
    }
    while (!publisher_->hasSubscribers() || subscriber_->getSubscriptionState() != iox::SubscribeState::SUBSCRIBED) {
      usleep(1000);
    }
  }

  std::optional<iox::popo::UntypedPublisher> publisher_;
  std::optional<iox::popo::UntypedSubscriber> subscriber_;
  std::optional<iox::popo::WaitSet<1>> wait_set_;
};

/// Runs RouDi. Writes to `socket` when it is ready, and ends, with everything that it has made, when the other end of
/// `socket` is closed everywhere.
inline void run_roudi(std::uint32_t size, std::uint32_t chunks, int socket) {
  prctl(PR_SET_PDEATHSIG, 0);
  dup2(STDERR_FILENO, STDOUT_FILENO);  // RouDi prints to stdout
  iox::mepoo::MePooConfig pools;
  pools.addMemPool({size, chunks});
  const auto group = iox::posix::PosixGroup::getGroupOfCurrentProcess().getName();
  iox::RouDiConfig_t config;
  config.m_sharedMemorySegments.push_back({group, group, pools});
  iox::roudi::IceOryxRouDiComponents components(config);
  iox::roudi::RouDi roudi(components.rouDiMemoryManager, components.portManager,
                          {iox::roudi::MonitoringMode::OFF, /*killProcessesInDestructor*/ false});
  char byte = 0;
  bench::check(write(socket, &byte, 1) == 1, "RouDi cannot say that it is ready");
  while (read(socket, &byte, 1) < 0 && errno == EINTR) {}
  for (const std::string name : {kHost, kPeer}) {  // the files that their destructors would remove
    unlink(("/tmp/" + name).c_str());
    unlink(("/tmp/" + name + ".lock").c_str());
  }
}

int main(int argc, char** argv) {
  return bench::run_program(argc, argv, []<std::size_t Size>(const bench::Job& job) {
    const auto end = std::make_unique<IceoryxEnd<Size>>();
    prepare(job, *end);
    bench::keep_files_private({"/dev/shm", "/tmp"});
    iox::log::LogManager::GetLogManager().SetDefaultLogLevel(iox::log::LogLevel::kError);
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) bench::throw_errno("socketpair");
    bench::Peer roudi(-1, [&] {
      close(sockets[0]);
      run_roudi(Size, 2 * (kQueue<Size> + 8), sockets[1]);
    });
    close(sockets[1]);
    char byte = 0;
    bench::check(read(sockets[0], &byte, 1) == 1, "RouDi does not start");
    bench::Peer peer(job.peer_processor, [&] {
      end->become_peer();
      run_peer(job, *end);
    });
    bench::Peer host(job.host_processor, [&] {
      end->become_host();
      print(run_host(job, *end));
    });
    host.finish();
    peer.finish();
    close(sockets[0]);
    roudi.finish();
  });
}
