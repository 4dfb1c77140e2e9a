// expect: coproc: the task's function cannot be called with what its arguments arrive as
#include <coproc/coproc.hpp>
void f(coproc::Pool<>& pool) {
  (void)pool.submit([](int x) { return x; }, "text");
}
