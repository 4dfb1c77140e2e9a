// A static initialiser that prints without a newline: its text is the fork server's, too, and must not be printed by
// each of its workers once more.
#include <unistd.h>

#include <coproc/coproc.hpp>

#include <cstdio>
#include <string>

namespace {

const bool has_printed = std::printf("initialised;") > 0;

void target(coproc::PriorityMessenger&) { std::printf("worker;"); }

}  // namespace

int main() {
  std::fflush(stdout);
  int ends[2];
  if (::pipe(ends) != 0 || ::dup2(ends[1], 1) != 1) return 2;
  ::close(ends[1]);
  for (int i = 0; i < 3; ++i) {
    coproc::WorkerResource worker{&target};
    worker.start();
    worker.join();
  }
  ::close(1);
  std::string text;
  for (char c; ::read(ends[0], &c, 1) == 1;) text += c;  // the server lives, and is no writer of it
  std::fprintf(stderr, "%s\n", text.c_str());
  return text == "initialised;worker;worker;worker;" ? 0 : 1;
}
