// expect: coproc: the type of the request names another Part
#include <coproc/coproc.hpp>
struct Find {
  using Part = int;
};
void ask(coproc::PriorityMessenger& worker) { auto parts = worker.stream<double>(Find{}); }
