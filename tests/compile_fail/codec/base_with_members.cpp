// expect: coproc: a struct whose base has members cannot be taken apart
#include "coproc/codec.hpp"
struct Base {
  int id;
};
struct Data : Base {
  std::string text;
};
int main() { coproc::check_encodable<Data>(); }
