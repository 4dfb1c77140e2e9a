// expect: success
#include <coproc/coproc.hpp>
enum class Lane { one };
void f(coproc::PriorityMessenger& m) {
  m.send_norequest(1, 1);
  m.send_norequest(1, Lane::one);
  m.send_norequest(1, "one");
  m.send_norequest(1, std::string("one"));
  m.send_norequest(1, coproc::ChannelId::of(2.5));
}
