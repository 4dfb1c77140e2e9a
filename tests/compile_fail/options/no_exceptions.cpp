// expect: error: .*compile without -fno-exceptions.*nothing is compiled behind the error above
// with: -fno-exceptions
#include <coproc/coproc.hpp>

int main() { throw coproc::Priority(1); }
