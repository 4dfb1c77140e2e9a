// expect: coproc: a payload and each of its fields must be default-constructible.*references
#include "coproc/codec.hpp"
struct Data {
  int value;
  int& other;
};
int main() { coproc::check_encodable<Data>(); }
