// expect: use of deleted function|deleted
#include <coproc/coproc.hpp>
void f(coproc::PriorityMessenger& m) { m.send_norequest(1, 'c'); }
