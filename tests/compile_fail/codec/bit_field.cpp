// expect: coproc: a bit-field cannot be received
#include "coproc/codec.hpp"
struct Data {
  int value;
  unsigned flag : 1;
};
int main() { coproc::check_encodable<Data>(); }
