// expect: deleted
#include <coproc/coproc.hpp>
coproc::PriorityMessenger f(const coproc::PriorityMessenger& m) { return m; }
