// expect: success
#include <coproc/async.hpp>
#include <coproc/coproc.hpp>
#include <string>
struct Find {
  using Part = int;
  std::string text;
};
void find(const Find&, coproc::ReplyStream<int>& parts) noexcept { parts.send(1); }
struct Finder {
  void operator()(Find, coproc::ReplyStream<int>& parts) { (void)parts.try_send(1); }
};
void work(coproc::PriorityMessenger& host) { coproc::serve(host, find); }
void work_on(coproc::PriorityMessenger& host) {
  coproc::serve(host, "lane", Finder(), [](const int&) {});
}
int ask(coproc::PriorityMessenger& worker) {
  int sum = 0;
  for (int part : worker.stream(Find{"a"}, {.window_bytes = 1000})) sum += part;
  for (const coproc::Message& part : worker.stream<coproc::Message>(Find{"a"}, "lane")) sum += part.get<int>();
  coproc::Stream<int> parts = worker.stream<int>(5, 1, {.each = std::chrono::seconds(1)});
  return sum + parts.next(std::chrono::seconds(1)).value_or(0);
}
