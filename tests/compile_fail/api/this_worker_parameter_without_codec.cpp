// expect: coproc: a parameter of this target cannot be sent
#include <coproc/coproc.hpp>
void target(coproc::PriorityMessenger&, int*) {}
int main() { return coproc::this_worker::run(&target); }
