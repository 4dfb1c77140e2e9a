// expect: Startable
#include <coproc/coproc.hpp>
void target(coproc::PriorityMessenger&, bool) {}
int main() {
  coproc::WorkerResource worker{target};
  worker.start("yes");
}
