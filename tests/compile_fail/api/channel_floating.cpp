// expect: ambiguous|could not convert|no matching|no viable
#include <coproc/coproc.hpp>
void f(coproc::PriorityMessenger& m) { m.send_norequest(1, 2.5); }
