// expect: ErrorPayload
#include <coproc/coproc.hpp>
struct Handle {
  int* pointer;
};
void f(coproc::PriorityMessenger& m) { m.send_error(Handle{}); }
