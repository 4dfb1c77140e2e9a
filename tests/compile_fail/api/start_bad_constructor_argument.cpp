// expect: Startable
#include <coproc/coproc.hpp>
struct Target {
  Target(coproc::PriorityMessenger&, bool) {}
  void operator()() {}
};
int main() {
  coproc::WorkerResource<Target> worker;
  worker.start("yes");
}
