// expect: success
#include <coproc/coproc.hpp>
void target(coproc::PriorityMessenger&, bool, int, std::string) {}
int main() {
  coproc::WorkerResource worker{target};
  worker.start(true, 'c', "text");
}
