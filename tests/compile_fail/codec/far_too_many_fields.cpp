// expect: coproc: a struct of more than 32 fields cannot be taken apart
#include "coproc/codec.hpp"
struct Data {
  int a1, a2, a3, a4, a5, a6, a7, a8, b1, b2, b3, b4, b5, b6, b7, b8, c1, c2, c3, c4, c5, c6, c7, c8, d1, d2, d3, d4,
      d5, d6, d7, d8, e1, e2, e3, e4, e5, e6, e7, e8, f1, f2, f3, f4, f5, f6, f7, f8;
};
int main() { coproc::check_encodable<Data>(); }
