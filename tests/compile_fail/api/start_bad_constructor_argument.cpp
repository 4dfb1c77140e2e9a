// expect: coproc: a start argument is a pointer for a bool, or a floating-point number for an integer
#include <coproc/coproc.hpp>
struct Target {
  Target(coproc::PriorityMessenger&, bool) {}
  void operator()() {}
};
int main() {
  coproc::WorkerResource<Target> worker;
  worker.start("yes");
}
