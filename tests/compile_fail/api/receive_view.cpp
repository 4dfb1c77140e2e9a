// expect: coproc: receive text as std::string
#include <coproc/coproc.hpp>
void f(coproc::PriorityMessenger& m) { (void)m.receive_blocking<std::string_view>(); }
