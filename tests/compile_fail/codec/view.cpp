// expect: coproc: a view inside a payload owns nothing
#include "coproc/codec.hpp"
struct Data {
  std::string_view text;
};
int main() { coproc::check_encodable<Data>(); }
