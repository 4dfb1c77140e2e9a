// expect: coproc: a target's first parameter is its messenger, by reference
#include <coproc/coproc.hpp>
void target(coproc::PriorityMessenger) {}
int main() {
  coproc::WorkerResource worker{target};
  worker.start();
}
