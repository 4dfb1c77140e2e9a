// expect: coproc: a type that is sent by call\(\) names the type of its reply
#include <coproc/coproc.hpp>
struct Get {
  int key;
};
void ask(coproc::Messenger& worker) { worker.call(Get{1}); }
