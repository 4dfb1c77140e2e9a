// expect: error: .*compile with -std=c[+][+]20 or later.*nothing is compiled behind the error above
// with: -std=c++17
#include <coproc/coproc.hpp>

int main() { throw coproc::Priority(1); }
