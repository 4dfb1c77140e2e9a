// expect: coproc: a function that is given to serve\(\) returns nothing if the type of its parameter names no Reply
#include <coproc/coproc.hpp>
struct Clear {};
void work(coproc::PriorityMessenger& host) {
  coproc::serve(host, [](const Clear&) { return 1; });
}
