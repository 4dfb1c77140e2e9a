// expect: success
#include <coproc/coproc.hpp>
#include <string>
struct Get {
  using Reply = std::string;
  int key;
};
struct Put {
  using Reply = void;
  int key;
};
struct Clear {};
std::string get(const Get&) { return "value"; }
void work(coproc::PriorityMessenger& host) {
  coproc::serve(
      host, &get, [](Put) {}, [](const Clear&) {});
  coproc::serve(host, "numbers", get);
}
std::string ask(coproc::Messenger& worker) {
  worker.call(Put{1});
  return worker.call(Get{1}, "numbers", std::chrono::seconds(1));
}
