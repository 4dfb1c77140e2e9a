// expect: use of deleted function|deleted|ambiguous
#include <coproc/coproc.hpp>
void f(coproc::PriorityMessenger& m) { m.send_norequest(1, nullptr); }
