// expect: coproc: a target's first parameter is its messenger, by reference
#include <coproc/coproc.hpp>
void target(int) {}
int main() {
  coproc::WorkerResource worker{target};
  worker.start(7);
}
