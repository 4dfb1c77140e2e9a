// expect: coproc: a target cannot change the arguments of start
#include <coproc/coproc.hpp>
#include <string>
void target(coproc::PriorityMessenger&, std::string&) {}
int main() {
  coproc::WorkerResource worker{target};
  worker.start(std::string("text"));
}
