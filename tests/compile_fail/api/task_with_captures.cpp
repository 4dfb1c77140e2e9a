// expect: coproc: this function has captures
#include <coproc/coproc.hpp>

#include <vector>

void f(coproc::Pool<>& pool, int n) {
  (void)pool.map([n](int x) { return x + n; }, std::vector{1, 2});
}
