// expect: coproc: start.. takes one argument for each parameter of the target
#include <coproc/coproc.hpp>
void target(coproc::PriorityMessenger&, int) {}
int main() {
  coproc::WorkerResourcePool workers{2, target};
  workers.start();
}
