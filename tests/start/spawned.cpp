// The fork server of this program has threads: checks that workers and pools are started by spawn, and say why; and
// that the fork server by name is refused.
#include <coproc/coproc.hpp>

#include <cstdio>
#include <string>

using coproc::PriorityMessenger;
using coproc::StartMethod;
using coproc::WorkerResource;

namespace {

void target(PriorityMessenger& host) { host.send_norequest(1); }
int twice(int number) { return 2 * number; }

bool expect(bool is_true, const char* what, const std::string& text) {
  if (!is_true) std::printf("not %s: %s\n", what, text.c_str());
  return is_true;
}

bool tells_why(const std::string& text) {
  return text.find("threads, since a static initialiser") != std::string::npos;
}

}  // namespace

int main() {
  bool is_good = true;
  for (int i = 0; i < 2; ++i) {
    WorkerResource worker{&target};
    worker.start();
    is_good &= expect(worker.messenger().receive_blocking<int>() == 1, "started", "");
    const coproc::ExitStatus status = worker.stop();
    is_good &= expect(tells_why(status.start_note) && tells_why(status.report()), "told why", status.report());
  }
  coproc::Pool pool{{.workers = 2}};
  is_good &= expect(pool.submit(&twice, 4).get() == 8, "8", "");
  const coproc::PoolInsights insights = pool.insights();
  is_good &= expect(tells_why(insights.start_note), "told why", insights.start_note);
  const std::string table = insights.table();
  is_good &= expect(tells_why(table), "told why", table);
  WorkerResource by_name{&target, {.method = StartMethod::fork_server}};
  try {
    by_name.start();
    is_good &= expect(false, "refused", "");
  } catch (const coproc::StartError& error) {
    is_good &=
        expect(std::string(error.what()).find("StartMethod::spawn, or start threads in main") != std::string::npos,
               "told what to do", error.what());
  }
  return is_good ? 0 : 1;
}
