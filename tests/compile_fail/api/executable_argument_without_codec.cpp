// expect: coproc: .*pointer
#include <coproc/coproc.hpp>
void f(coproc::WorkerResource<coproc::Executable>& worker, int* argument) { worker.start(argument); }
