// expect: coproc: a reference inside a payload cannot be sent
#include "coproc/codec.hpp"
int main() { coproc::check_encodable<std::tuple<int, int&>>(); }
