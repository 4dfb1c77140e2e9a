// expect: coproc: .*pointer
#include <coproc/coproc.hpp>
void f(coproc::PriorityMessenger& m, int* p) { m.send_norequest(p); }
