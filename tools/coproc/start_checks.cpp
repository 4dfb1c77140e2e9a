#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "coproc/coproc.hpp"
#include "finding.hpp"

namespace command {

namespace {

void echo(coproc::PriorityMessenger& host) { host.send_norequest(host.receive_blocking<std::string>()); }

/// Starts a worker with these options, sends it a message, awaits the same, and ends it. `otherwise` is the verdict if
/// that does not work.
Finding check_worker(const std::string& name, coproc::WorkerOptions options, Verdict otherwise, std::string remedy) {
  constexpr auto kTime = std::chrono::seconds(30);
  using Milliseconds = std::chrono::duration<double, std::milli>;
  options.name = "doctor";
  options.start_timeout = kTime;
  try {
    const auto before = std::chrono::steady_clock::now();
    coproc::WorkerResource worker{&echo, std::move(options)};
    worker.start();
    worker.messenger().send_norequest(std::string("hello"));
    if (worker.messenger().receive_for<std::string>(kTime) != "hello") {
      return {name, otherwise, "the worker's answer was another one", std::move(remedy)};
    }
    const Milliseconds time = std::chrono::steady_clock::now() - before;
    const std::string note = worker.start_note();
    char text[64];
    std::snprintf(text, sizeof text, "works (%.1f ms to the first answer)", time.count());
    worker.stop();
    if (note.empty()) return {name, Verdict::ok, text};
    return {name, Verdict::warns, std::string(text) + "; " + note, std::move(remedy)};
  } catch (const std::exception& error) {
    return {name, otherwise, error.what(), std::move(remedy)};
  }
}

}  // namespace

std::vector<Finding> check_starts() {
  const std::string elsewhere = "give another start method, or none: then one that works is chosen";
  std::vector<Finding> findings;
  // The first start by the server also starts the server.
  for (const auto& [name, method] :
       {std::pair("fork_server", coproc::StartMethod::fork_server), std::pair("fork", coproc::StartMethod::fork),
        std::pair("spawn", coproc::StartMethod::spawn)}) {
    findings.push_back(check_worker(name, {.method = method}, Verdict::fails, elsewhere));
  }
  findings.push_back(check_worker("a worker in a box", {.sandbox = coproc::Sandbox::compute()}, Verdict::warns,
                                  "docs/sandbox.md says what each box needs"));
  return findings;
}

}  // namespace command
