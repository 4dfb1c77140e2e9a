// A host in C++ of the worker in Rust (worker.rs), whose path is the first argument.
#include <coproc/coproc.hpp>

#include <cstdio>
#include <exception>
#include <string>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: rust_host PATH_OF_THE_WORKER\n", stderr);
    return 2;
  }
  coproc::WorkerResource worker{coproc::Executable{argv[1]}, {.name = "counter"}};
  worker.start();
  auto& counter = worker.messenger();
  for (const char* const text : {"the quick brown fox", "", "jumps"}) {
    const auto id = counter.send_request(text);
    try {
      std::printf("%s\n", counter.receive_reply<std::string>(id).c_str());
    } catch (const std::exception& error) {
      std::printf("error: %s\n", error.what());
    }
  }
  std::printf("%s\n", worker.stop().describe().c_str());
}
