// A real Slurm cluster for a test: a machine h0 from which jobs are submitted, and two nodes, h1 and h2. Each has a
// network namespace of its own, in a process namespace that ends with this object, or with the test. Their files are in
// a folder of the test's.
//
// Thread safety: one thread at a time.
#pragma once

#include <gtest/gtest.h>

#include "machines/here.hpp"
#include "programs.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace machines {

class SlurmCluster {
 public:
  SlurmCluster() {
    std::string name = std::filesystem::temp_directory_path() / "coproc-slurm-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    if (::geteuid() != 0) {
      said_ = "only root can make network namespaces";
      return;
    }
    int to[2], from[2];
    if (::pipe2(to, O_CLOEXEC) != 0 || ::pipe2(from, O_CLOEXEC) != 0) std::abort();
    process_ = ::fork();
    if (process_ == 0) {
      ::dup2(to[0], 0);
      ::dup2(from[1], 1);
      ::dup2(from[1], 2);
      ::execlp("unshare", "unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child",
               "--mount-proc", "sh", SLURM_CLUSTER, folder_.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(to[0]);
    ::close(from[1]);
    alive_ = to[1];
    for (char c; !is_up() && ::read(from[0], &c, 1) == 1;) said_ += c;
    ::close(from[0]);
    if (is_up()) first_ = children_of(process_).front();
  }
  SlurmCluster(const SlurmCluster&) = delete;
  SlurmCluster& operator=(const SlurmCluster&) = delete;
  ~SlurmCluster() {
    if (alive_ >= 0) ::close(alive_);  // which ends its first process, and so all others
    if (process_ > 0) {
      while (::waitpid(process_, nullptr, 0) < 0) {}
    }
    std::filesystem::remove_all(folder_);
  }

  /// Empty: it is up; else why it is not.
  std::string obstacle() const { return is_up() ? "" : "there is no Slurm cluster (" + said_ + ")"; }
  const std::string& folder() const { return folder_; }

  /// Makes this process, a fork of the test's, one of h0.
  void enter() const {
    const int network = ::open((root() + "/run/netns/h0").c_str(), O_RDONLY | O_CLOEXEC);
    if (network < 0 || ::setns(network, CLONE_NEWNET) != 0 || ::unshare(CLONE_NEWUTS) != 0) std::abort();
    if (::sethostname("h0", 2) != 0) std::abort();
    ::close(network);
    ::setenv("SLURM_CONF", (folder_ + "/slurm.conf").c_str(), 1);
    ::setenv("HOME", folder_.c_str(), 1);
  }
  /// Whether the process with this number on the nodes is gone.
  bool has_ended(pid_t there) const {
    std::string line;
    std::getline(std::ifstream(root() + "/proc/" + std::to_string(there) + "/stat"), line);
    const auto at = line.rfind(") ");
    return at == std::string::npos || line[at + 2] == 'Z';
  }
  /// Cuts the network of a node, or mends it.
  void set_link(int node, const char* state) const {
    const std::string command = "nsenter --mount --target " + std::to_string(first_) + " ip -n sw link set v" +
                                std::to_string(node) + ' ' + state;
    if (std::system(command.c_str()) != 0) std::abort();
  }

 private:
  bool is_up() const { return said_.ends_with("the cluster is up\n"); }
  std::string root() const { return "/proc/" + std::to_string(first_) + "/root"; }
  std::string folder_;
  std::string said_;
  pid_t process_ = -1;
  int alive_ = -1;    // the cluster lives as long as this is open
  pid_t first_ = -1;  // the first process in its namespace
};

}  // namespace machines
