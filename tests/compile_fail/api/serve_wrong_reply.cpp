// expect: coproc: a function that is given to serve\(\) returns the Reply that the type of its parameter names
#include <coproc/coproc.hpp>
#include <string>
struct Get {
  using Reply = std::string;
  int key;
};
void work(coproc::PriorityMessenger& host) {
  coproc::serve(host, [](const Get& get) { return get.key; });
}
