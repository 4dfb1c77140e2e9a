// expect: error: .*compile without -fno-rtti.*nothing is compiled behind the error above
// with: -fno-rtti
#include <coproc/coproc.hpp>

int main() { throw coproc::Priority(1); }
