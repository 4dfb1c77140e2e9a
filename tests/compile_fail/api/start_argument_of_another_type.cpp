// expect: coproc: a start argument cannot be converted to the target's parameter at its place
#include <coproc/coproc.hpp>
#include <string>
void target(coproc::PriorityMessenger&, const std::string&) {}
int main() {
  coproc::WorkerResource worker{target};
  worker.start(7);
}
