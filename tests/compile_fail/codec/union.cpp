// expect: coproc: a union does not say which of its members is set
#include "coproc/codec.hpp"
union Either {
  int number;
  float real;
};
struct Data {
  std::string text;
  Either either;
};
int main() { coproc::check_encodable<Data>(); }
