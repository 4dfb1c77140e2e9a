// expect: coproc: the target's class has no constructor that takes its messenger
#include <coproc/coproc.hpp>
#include <string>
struct Target {
  Target(coproc::PriorityMessenger&, const std::string&) {}
  void operator()() {}
};
int main() {
  coproc::WorkerResource<Target> worker;
  worker.start(std::string("a"), 2);
}
