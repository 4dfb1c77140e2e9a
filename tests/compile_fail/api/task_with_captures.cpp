// expect: coproc: this function has captures
#include <coproc/coproc.hpp>
void f(coproc::Pool<>& pool, int n) {
  (void)pool.map([n](int x) { return x + n; }, {1, 2});
}
