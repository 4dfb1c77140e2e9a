// expect: coproc: a function that is given to serve\(\) and takes a ReplyStream<P> takes a request that can be
#include <coproc/coproc.hpp>
struct Find {
  using Part = int;
};
void work(coproc::PriorityMessenger& host) {
  coproc::serve(host, [](const Find&, coproc::ReplyStream<long>&) {});
}
