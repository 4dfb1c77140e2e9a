// expect: coproc: start.. takes one argument for each parameter of the target
#include <coproc/coproc.hpp>
void target(coproc::PriorityMessenger&, int) {}
int main() {
  coproc::WorkerResource worker{target};
  worker.start();
}
