// Twelve attacks of a decoder that was taken over: alone, in bubblewrap, and in a worker's box. docs/sandbox.md shows
// the table that this test checks.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string>

#include "boxed/boxed_worker.hpp"
#include "boxed/listener.hpp"
#include "programs.hpp"
#include "support/temporary_file.hpp"

using boxed::BoxedWorker;
using coproc::Sandbox;

namespace {

struct Row {
  const char* attack;
  enum class About { host, file, port, program } about;
  const char* in_bubblewrap;
  const char* in_coproc;
};
using enum Row::About;

constexpr const char* kAsAlone = nullptr;  // the box does not stop it

const std::array<Row, 12> kTable{{
    // the attack, in bubblewrap, in Sandbox::compute()
    {"kill", host, "ESRCH", "EPERM"},
    {"prlimit", host, "ESRCH", "EPERM"},
    {"affinity", host, "ESRCH", "EPERM"},
    {"ptrace", host, "ESRCH", "ends: ptrace"},
    {"vm_read", host, "ESRCH", "ends: process_vm_readv"},
    {"open", file, "ENOENT", "EACCES"},
    {"create", file, "ENOENT", "EACCES"},
    {"connect", port, "ECONNREFUSED", "EACCES"},
    {"fork", host, kAsAlone, "EPERM"},
    {"execute", program, kAsAlone, "EPERM"},
    {"unshare", host, kAsAlone, "ends: unshare"},
    {"io_uring", host, kAsAlone, "ends: io_uring_setup"},
}};

/// What a command prints first; empty: it could not be run.
std::string first_line_of(const std::string& command) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(command.c_str(), "re"), &::pclose);
  std::string line(100, '\0');
  if (!pipe || !std::fgets(line.data(), static_cast<int>(line.size()), pipe.get())) return "";
  return line.substr(0, line.find_first_of("\n\0", 0, 2));
}

/// The command line that is usual for a decoder: libraries to read, and all namespaces anew.
std::string in_bubblewrap(const std::string& command) {
  return "bwrap --unshare-all --die-with-parent --new-session --cap-drop ALL --ro-bind /usr /usr --symlink usr/lib "
         "/lib "
         "--symlink usr/lib64 /lib64 --symlink usr/bin /bin --proc /proc --dev /dev --ro-bind " BOXED_WORKER
         " /decoder " +
         command;
}

}  // namespace

TEST(SideBySide, TwelveAttacks) {
  if (coproc::os::kHasSanitizer) GTEST_SKIP() << "the sanitizers' own libraries are not in the other boxes";
  if (first_line_of(in_bubblewrap("/bin/echo works")) != "works") GTEST_SKIP() << "bubblewrap does not work here";
  const support::TemporaryFile secret;
  const boxed::Listener server;
  const std::string abouts[] = {std::to_string(::getpid()), secret.path(), std::to_string(server.port()), "/bin/true"};
  BoxedWorker worker(coproc::StartMethod::spawn, Sandbox::compute());
  for (const Row& row : kTable) {
    SCOPED_TRACE(row.attack);
    const std::string question = std::string(row.attack) + " " + abouts[static_cast<int>(row.about)];
    const std::string alone = first_line_of(BOXED_WORKER " " + question);
    EXPECT_EQ(first_line_of(in_bubblewrap("/decoder " + question)), row.in_bubblewrap ? row.in_bubblewrap : alone);
    if (!worker->is_alive()) worker.start();
    EXPECT_EQ(worker.ask_or_end("try " + question), row.in_coproc);
  }
}
