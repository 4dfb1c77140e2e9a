// A real OpenSSH server for a test, which the ssh client starts itself for each connection (`sshd -i`): no port is
// opened, no daemon runs, and nothing of it outlives the connection. Its keys, its configuration and the home of its
// user are in a folder of the test's.
//
// Thread safety: one thread at a time.
#pragma once

#include <coproc/coproc.hpp>

#include <gtest/gtest.h>

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "programs.hpp"

namespace machines {

class SshServer {
 public:
  SshServer() {
    std::string name = std::filesystem::temp_directory_path() / "coproc-ssh-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    std::filesystem::create_directories(home());
    for (const char* key : {"host_key", "user_key"}) {
      run("ssh-keygen -q -t ed25519 -N '' -f " + path(key) + " 2>&1");
    }
    std::ofstream(path("config")) << "HostKey " << path("host_key") << "\nAuthorizedKeysFile " << path("user_key.pub")
                                  << "\nPidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\n"
                                  << "PasswordAuthentication no\nLogLevel ERROR\nSetEnv \"HOME=" << home() << "\"\n";
    // As root it insists on a folder in /run, which it gets in a namespace of its own.
    std::ofstream(path("serve")) << "#!/bin/sh\n[ \"$(id -u)\" != 0 ] || { mount -t tmpfs -o size=64k tmpfs /run && "
                                 << "mkdir -m 755 /run/sshd; } || exit 1\nexec setsid /usr/sbin/sshd -i -e -f "
                                 << path("config") << "\n";
    ::chmod(path("serve").c_str(), 0700);
  }
  SshServer(const SshServer&) = delete;
  SshServer& operator=(const SshServer&) = delete;
  ~SshServer() { std::filesystem::remove_all(folder_); }

  /// Empty: it works; else why it does not.
  std::string obstacle() const {
    if (::access("/usr/sbin/sshd", X_OK) != 0) return "there is no OpenSSH server (openssh-server)";
    std::string line;
    for (const std::string& word : launcher().command) line += " '" + word + "'";
    const std::string said = run(line + " 'echo it works' 2>&1 </dev/null");
    return said == "it works\n" ? "" : "the OpenSSH server does not work here: " + said;
  }

  coproc::Launcher launcher(const std::string& key = "user_key") const {
    const std::string serve = ::geteuid() == 0 ? "unshare --mount " + path("serve") : path("serve");
    return coproc::ssh(
        "node7", {"-F", "/dev/null", "-o", "ProxyCommand=" + serve, "-o", "UserKnownHostsFile=" + path("known"), "-o",
                  "StrictHostKeyChecking=no", "-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR", "-i", path(key)});
  }
  coproc::Machine machine(coproc::MachineOptions options = {}) const {
    options.agent = COPROC_AGENT;
    options.silence = std::chrono::minutes(10);
    return coproc::Machine(launcher(), std::move(options));
  }

  /// The user's there, with a name that is hard on shells.
  std::string home() const { return path("it's a $HOME, & more"); }
  std::string path(const std::string& name) const { return folder_ + '/' + name; }
  /// The files of the cache there.
  std::vector<std::filesystem::path> cached() const {
    std::vector<std::filesystem::path> files;
    const std::string cache = home() + "/.cache/coproc";
    if (!std::filesystem::exists(cache)) return files;
    for (const auto& each : std::filesystem::recursive_directory_iterator(cache)) {
      if (each.is_regular_file()) files.push_back(each.path());
    }
    return files;
  }

 private:
  static std::string run(const std::string& command) {
    FILE* const output = ::popen(command.c_str(), "r");
    std::string text;
    for (int c; (c = std::fgetc(output)) != EOF;) text += static_cast<char>(c);
    ::pclose(output);
    return text;
  }

  std::string folder_;
};

}  // namespace machines
