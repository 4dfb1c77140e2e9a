// A host whose file is replaced after its start: replaced_host AGENT OTHER_FILE [ships]
//
// It puts OTHER_FILE in its own place, starts a worker by the launcher `env`, and prints how that went. `ships`: the
// launcher sends the program there, into a cache, and gives the words to a shell, as ssh does.
#include <coproc/coproc.hpp>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>

namespace {

void say_hello(coproc::PriorityMessenger& host) { host.send_norequest(std::string("hello")); }

coproc::Launcher launcher_of(bool ships) {
  if (!ships) return coproc::command({"env"});
  return {.command = {"sh", "-c", "exec sh -c \"$*\"", "sh"}, .uses_shell = true, .ships = true};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  try {
    const auto self = std::filesystem::read_symlink("/proc/self/exe");
    std::filesystem::rename(argv[2], self);
    coproc::WorkerResource worker{&say_hello, {.machine = coproc::Machine(launcher_of(argc > 3), {.agent = argv[1]})}};
    worker.start();
    std::puts(worker.messenger().receive_blocking<std::string>().c_str());
    return worker.join().success() ? 0 : 1;
  } catch (const std::exception& error) {
    std::puts(error.what());
    return 1;
  }
}
