// expect: coproc: a union does not say which of its members is set
#include "coproc/codec.hpp"
struct Data {
  int kind;
  union {
    int number;
    float real;
  };
};
int main() { coproc::check_encodable<Data>(); }
