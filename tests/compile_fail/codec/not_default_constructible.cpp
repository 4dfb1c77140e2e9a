// expect: coproc: a payload and each of its fields must be default-constructible
#include "coproc/codec.hpp"
struct Id {
  explicit Id(int value);
};
struct Data {
  int value;
  Id id;
};
int main() { coproc::check_encodable<Data>(); }
