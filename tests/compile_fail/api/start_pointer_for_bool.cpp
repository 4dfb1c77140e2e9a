// expect: coproc: a start argument is a pointer for a bool, or a floating-point number for an integer
#include <coproc/coproc.hpp>
void target(coproc::PriorityMessenger&, bool) {}
int main() {
  coproc::WorkerResource worker{target};
  worker.start("yes");
}
