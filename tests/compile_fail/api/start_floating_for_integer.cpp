// expect: Startable
#include <coproc/coproc.hpp>
void target(coproc::PriorityMessenger&, int) {}
int main() {
  coproc::WorkerResource worker{target};
  worker.start(1.5);
}
