// expect: coproc: a const or volatile member cannot be received
#include "coproc/codec.hpp"
struct Data {
  const int value = 0;
};
int main() { coproc::check_encodable<Data>(); }
