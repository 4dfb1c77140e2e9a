// expect: coproc: .*pointer
#include <coproc/coproc.hpp>
void f(coproc::Pool<>& pool, int* p) {
  (void)pool.submit([](int* x) { return *x; }, p);
}
