// expect: success
#include <coproc/coproc.hpp>
long f(const coproc::Message& m) {
  return m.match([](int i) { return i; }, [](const coproc::Message&) { return 2L; });
}
