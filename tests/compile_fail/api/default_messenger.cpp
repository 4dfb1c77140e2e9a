// expect: private|protected
#include <coproc/coproc.hpp>
int main() { coproc::PriorityMessenger messenger; }
