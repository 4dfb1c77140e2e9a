// The network to a machine for tests, which can be cut: a launcher (launcher/cuttable_launcher.cpp), and its switch.
//
// Thread safety: cutting and mending may be done by any thread.
#pragma once

#include <coproc/coproc.hpp>

#include "machines/here.hpp"
#include "machines/launcher/network_state.hpp"
#include "programs.hpp"
#include "support/temporary_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

namespace machines {

/// The network to a machine, which can be cut.
class Network {
 public:
  Network() {
    const int fd = ::open(file_.path().c_str(), O_RDWR | O_CLOEXEC);
    if (::ftruncate(fd, sizeof(NetworkState)) != 0) std::abort();
    void* const memory = ::mmap(nullptr, sizeof(NetworkState), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) std::abort();
    ::close(fd);
    state_ = static_cast<NetworkState*>(memory);
  }
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  ~Network() { ::munmap(state_, sizeof *state_); }

  coproc::Machine machine(coproc::Timeout silence) const {
    coproc::Launcher launcher = coproc::command({CUTTABLE_LAUNCHER, file_.path()});
    launcher.connects_back = is_by_tls();
    return coproc::Machine(std::move(launcher), {.name = "node", .agent = COPROC_AGENT, .silence = silence});
  }
  /// Call once it is used: nothing of it then stays if this process is killed.
  void remove_name() const { ::unlink(file_.path().c_str()); }
  void cut_to_far() { state_->is_cut_to_far.store(1); }
  void cut_from_far() { state_->is_cut_from_far.store(1); }
  void cut() {
    cut_to_far();
    cut_from_far();
  }
  void mend() {
    state_->is_cut_to_far.store(0);
    state_->is_cut_from_far.store(0);
  }
  pid_t far() const { return state_->far.load(); }
  pid_t process() const { return state_->network.load(); }

 private:
  support::TemporaryFile file_;
  NetworkState* state_ = nullptr;
};

}  // namespace machines
